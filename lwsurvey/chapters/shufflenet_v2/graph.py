"""Networks as graphs of operators: which guideline they break, and what V2's units consist of."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import fmean

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torchvision.models import mobilenetv2, shufflenetv2

from lwsurvey.models import shufflenet_v1, zoo
from lwsurvey.models.blocks import ChannelShuffle

with warnings.catch_warnings():
    # timm's import of tqdm asks for notebook widgets, which the book does not use.
    warnings.filterwarnings("ignore", message="IProgress not found")
    from timm.models import nasnet

ACTIVATIONS = (nn.ReLU, nn.ReLU6, torch.relu, torch.nn.functional.relu, "relu")
ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")
POOLS = (nn.AvgPool2d, nn.MaxPool2d)
SPLITS = (torch.chunk, torch.split, "chunk", "split")


@dataclass(frozen=True, eq=False)
class Operator:
    """A node of the traced graph.

    Attributes:
        kind: ``convolution``, ``pool``, ``activation``, ``addition``, ``split`` or ``other``.
        block: dotted path of the block that it belongs to, empty outside of all blocks.
        shape: of its output, or None if that is no tensor.
        module: the layer, or None.
        node: of the trace.
    """

    kind: str
    block: str
    shape: tuple[int, ...] | None
    module: nn.Module | None
    node: fx.Node

    @property
    def pointwise(self) -> bool:
        """Whether it is a 1 x 1 convolution."""
        return self.kind == "convolution" and self.module.kernel_size == (1, 1)

    @property
    def depthwise(self) -> bool:
        """Whether it is a convolution with a filter for each channel."""
        return self.kind == "convolution" and 1 < self.module.groups == self.module.in_channels

    @property
    def uneven(self) -> bool:
        """Whether it is a convolution with unequal numbers of input and output channels."""
        return self.kind == "convolution" and self.module.in_channels != self.module.out_channels


def trace(network: nn.Module, side: int, blocks: Iterable[type]) -> list[Operator]:
    """All operators of a network, in the order of execution.

    Args:
        network: on the ``meta`` device, so that nothing is computed.
        side: rows and columns of the image, which has 3 channels.
        blocks: classes of the modules that count as blocks.
    """
    graph = fx.GraphModule(network, _Tracer().trace(network))
    ShapeProp(graph).propagate(torch.empty(1, 3, side, side, device="meta"))
    modules = dict(network.named_modules())
    paths = [name for name, module in modules.items() if isinstance(module, tuple(blocks))]
    return [_operator(node, modules, paths) for node in graph.graph.nodes]


def by_block(found: Iterable[Operator]) -> Mapping[str, list[Operator]]:
    """The operators of each block, by its path."""
    parts: dict[str, list[Operator]] = {}
    for each in found:
        if each.block:
            parts.setdefault(each.block, []).append(each)
    return parts


def ends(block: list[Operator]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of the widest input from outside of a block, and of its output."""
    inside = {each.node for each in block}
    entering = [
        _shape(source) for each in block for source in each.node.all_input_nodes
        if source not in inside
    ]  # fmt: skip
    return max(filter(None, entering), key=lambda shape: shape[1]), block[-1].shape


def branches(block: list[Operator]) -> int:
    """The most convolutions and poolings of a block that could run at the same time.

    That is the largest set of which none needs the result of another. By Dilworth's theorem
    it is their number less the largest matching between them and those that depend on them.
    """
    nodes = [each.node for each in block if each.kind in ("convolution", "pool")]
    after = _later(block)
    needs = np.array([[b in after[a] for b in nodes] for a in nodes], dtype=int)
    matched = maximum_bipartite_matching(csr_array(needs)) if len(nodes) else np.array([-1])
    return len(nodes) - int((matched >= 0).sum())


class _Tracer(fx.Tracer):
    """Does not look into layers that ask their input for its shape: our shuffle, timm's padding."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        leaf = isinstance(m, (ChannelShuffle, nn.Conv2d, *POOLS))
        return leaf or super().is_leaf_module(m, module_qualified_name)


def _later(block: list[Operator]) -> dict[fx.Node, set[fx.Node]]:
    """For each node of a block, those of the block that depend on it."""
    inside = {each.node for each in block}
    after: dict[fx.Node, set[fx.Node]] = {}
    for each in reversed(block):
        users = [user for user in each.node.users if user in inside]
        after[each.node] = set(users).union(*(after[user] for user in users))
    return after


def _operator(node: fx.Node, modules: Mapping[str, nn.Module], paths: list[str]) -> Operator:
    module = modules[node.target] if node.op == "call_module" else None
    stack = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    block = next((path for path in paths if path in stack), "")
    return Operator(_kind(node, module), block, _shape(node), module, node)


def _kind(node: fx.Node, module: nn.Module | None) -> str:
    if isinstance(module, nn.Conv2d):
        return "convolution"
    if isinstance(module, POOLS):
        return "pool"
    target = type(module) if module is not None else node.target
    if target in ACTIVATIONS:
        return "activation"
    if target in ADDITIONS and all(map(_shape, node.all_input_nodes)):
        return "addition"
    return "split" if target in SPLITS else "other"


def _shape(node: fx.Node) -> tuple[int, ...] | None:
    meta = node.meta.get("tensor_meta")
    return tuple(meta.shape) if hasattr(meta, "shape") else None


# Which guideline a network breaks, and how often.

NASNET_CELLS = (
    nasnet.CellStem0, nasnet.CellStem1, nasnet.FirstCell, nasnet.NormalCell,
    nasnet.ReductionCell0, nasnet.ReductionCell1,
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A network, the size of its image, and the classes of its blocks."""

    name: str
    side: int
    blocks: tuple[type, ...]


V2 = "ShuffleNet V2"
SUBJECTS = {
    "ShuffleNet V1": Subject("lwsurvey:shufflenet_v1", 224, (shufflenet_v1.Unit,)),
    "MobileNet V2": Subject("torchvision:mobilenet_v2", 224, (mobilenetv2.InvertedResidual,)),
    "NASNet-A": Subject("timm:nasnetalarge", 331, NASNET_CELLS),
    V2: Subject("torchvision:shufflenet_v2_x1_0", 224, (shufflenetv2.InvertedResidual,)),
}  # fmt: skip


@cache
def operators(name: str) -> list[Operator]:
    """The operators of one of `SUBJECTS`, traced once."""
    subject = SUBJECTS[name]
    return trace(zoo.load(subject.name).eval(), subject.side, subject.blocks)


def basic(name: str) -> Mapping[str, list[Operator]]:
    """The blocks whose output has the shape of their input: those that a network repeats."""
    parts = by_block(operators(name))
    return {path: part for path, part in parts.items() if len(set(ends(part))) == 1}


def violations(name: str) -> dict[str, int]:
    """How often the basic blocks of one of `SUBJECTS` break each guideline.

    Returns:
        ``G1``: 1 x 1 convolutions of unequal widths; ``G2``: 1 x 1 convolutions in groups;
        ``G3``: blocks with more than two parallel branches; ``G4``: activations on maps wider
        than the ends of the block; and, without a guideline of its own, ``additions``.
    """
    parts = basic(name)
    pointwise = [each for part in parts.values() for each in part if each.pointwise]
    return {
        "G1": sum(each.uneven for each in pointwise),
        "G2": sum(each.module.groups > 1 for each in pointwise),
        "G3": sum(branches(part) > 2 for part in parts.values()),
        "G4": sum(map(_wide_activations, parts.values())),
        "additions": sum(each.kind == "addition" for part in parts.values() for each in part),
    }


def table() -> pd.DataFrame:
    """`violations` of all subjects, with their numbers of blocks and of parallel branches."""
    rows = {}
    for name in SUBJECTS:
        everything = by_block(operators(name))
        most = max(map(branches, everything.values()))
        of = f"{len(basic(name))} of {len(everything)}"
        rows[name] = {"basic blocks": of, "branches": most, **violations(name)}
    return pd.DataFrame(rows).T.rename_axis("network")


def _wide_activations(part: list[Operator]) -> int:
    (_, entering, *_), (_, leaving, *_) = ends(part)
    widest = max(entering, leaving)
    return sum(each.kind == "activation" and each.shape[1] > widest for each in part)


# The units of ShuffleNet V2 in torchvision's network.


def units() -> list[list[Operator]]:
    """The operators of each of the 16 units."""
    return list(by_block(operators(V2)).values())


def splits(unit: list[Operator]) -> bool:
    """Whether a unit splits its input."""
    return any(each.kind == "split" for each in unit)


def convolutions(unit: list[Operator]) -> list[Operator]:
    """The convolutions of a unit."""
    return [each for each in unit if each.kind == "convolution"]


def unit_branch() -> dict[str, float]:
    """The working branch of the units that split (claim of survey 000, section 6.2.2)."""
    splitting = list(filter(splits, units()))
    layers = [convolutions(unit) for unit in splitting]
    return {
        "convolutions in the branch": fmean(map(len, layers)),
        "convolutions with unequal widths": sum(each.uneven for part in layers for each in part),
        "untouched share": fmean(map(_untouched, splitting)),
    }


def unit_shares() -> dict[str, float]:
    """What share of the channels the parts of the splitting units see, and how they are joined."""
    splitting = list(filter(splits, units()))
    every = [(each, _width(unit)) for unit in splitting for each in unit]
    return {
        "ReLU share": fmean(each.shape[1] / w for each, w in every if each.kind == "activation"),
        "depthwise share": fmean(each.shape[1] / w for each, w in every if each.depthwise),
        "untouched share": fmean(map(_untouched, splitting)),
        "groups of 1x1": fmean(each.module.groups for each, _ in every if each.pointwise),
        "additions": sum(each.kind == "addition" for each, _ in every),
    }


def _untouched(unit: list[Operator]) -> float:
    return 1 - convolutions(unit)[0].module.in_channels / _width(unit)


def _width(unit: list[Operator]) -> int:
    return ends(unit)[1][1]


def network_counts() -> dict[str, int]:
    """Counts over the whole network: grouped 1 x 1, additions, other kinds of convolution."""
    everything = operators(V2)
    inside = [each for unit in units() for each in convolutions(unit)]
    return {
        "grouped 1x1": sum(each.pointwise and each.module.groups > 1 for each in everything),
        "additions": sum(each.kind == "addition" for each in everything),
        "neither depthwise nor 1x1": sum(not (e.depthwise or e.pointwise) for e in inside),
    }
