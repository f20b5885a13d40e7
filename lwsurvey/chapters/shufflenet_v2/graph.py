"""The operators of a network and what flows between them, from its symbolic trace."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from lwsurvey.models.blocks import ChannelShuffle

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
        sources: shapes of the tensors that it reads.
        module: the layer, or None.
        node: of the trace.
    """

    kind: str
    block: str
    shape: tuple[int, ...] | None
    sources: tuple[tuple[int, ...], ...]
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


def operators(network: nn.Module, side: int, blocks: Iterable[type]) -> list[Operator]:
    """All operators of a network, in the order of execution.

    Args:
        network: on the ``meta`` device, so that nothing is computed.
        side: rows and columns of the image, which has 3 channels.
        blocks: classes of the modules that count as blocks.
    """
    traced = fx.GraphModule(network, _Tracer().trace(network))
    ShapeProp(traced).propagate(torch.empty(1, 3, side, side, device="meta"))
    modules = dict(network.named_modules())
    paths = [name for name, module in modules.items() if isinstance(module, tuple(blocks))]
    return [_operator(node, modules, paths) for node in traced.graph.nodes]


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
    sources = tuple(filter(None, map(_shape, node.all_input_nodes)))
    return Operator(_kind(node, module), block, _shape(node), sources, module, node)


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
