"""Networks as graphs of operators: which guideline they break, and what V2's units consist of."""

from __future__ import annotations

import operator
import re

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from lwsurvey.models.blocks import ChannelShuffle

KINDS = {
    "convolution": (nn.Conv2d,),
    "pool": (nn.AvgPool2d, nn.MaxPool2d),
    "activation": (nn.ReLU, nn.ReLU6, torch.relu, nn.functional.relu, "relu"),
    "addition": (operator.add, operator.iadd, torch.add, "add", "add_"),
    "split": (torch.chunk, torch.split, "chunk", "split"),
}
KIND = {target: kind for kind, targets in KINDS.items() for target in targets}
# Layers that ask their input for its shape (our shuffle, timm's padding) are not looked into.
LEAVES = (ChannelShuffle, *KINDS["convolution"], *KINDS["pool"])
BLOCKS = re.compile(r"Unit|InvertedResidual|\w*Cell\w*")
"""Classes of the modules that count as blocks."""


class Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, LEAVES) or super().is_leaf_module(m, module_qualified_name)


def trace(network: nn.Module, side: int) -> pd.DataFrame:
    """A row for each operator of a network, in the order of execution.

    Args:
        network: on the ``meta`` device, so that nothing is computed.
        side: rows and columns of the image, which has 3 channels.

    Returns:
        Columns ``block`` (dotted path, or empty), ``kind`` (a key of `KINDS` or ``other``),
        ``shape`` (of the output), ``node`` (of the graph), and of convolutions ``K``, ``N``,
        ``M`` and ``G``.
    """
    graph = fx.GraphModule(network, Tracer().trace(network))
    ShapeProp(graph).propagate(torch.empty(1, 3, side, side, device="meta"))
    modules, rows = dict(network.named_modules()), []
    paths = [name for name, module in modules.items() if BLOCKS.fullmatch(type(module).__name__)]
    for node in graph.graph.nodes:
        stack = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
        layer = modules[node.target] if node.op == "call_module" else None
        kind = KIND.get(node.target if layer is None else type(layer), "other")
        if kind == "addition" and not all(map(shape, node.all_input_nodes)):
            kind = "other"  # of numbers, such as sides
        block = next((path for path in paths if path in stack), "")
        row = {"block": block, "kind": kind, "shape": shape(node), "node": node}
        if kind == "convolution":
            row |= {"K": layer.kernel_size[0], "G": layer.groups}
            row |= {"N": layer.in_channels, "M": layer.out_channels}
        rows.append(row)
    return pd.DataFrame(rows)


def shape(node: fx.Node) -> tuple[int, ...] | None:
    """Shape of the tensor that a node gives, if it is one."""
    meta = node.meta.get("tensor_meta")
    return tuple(meta.shape) if hasattr(meta, "shape") else None


def parts(operators: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The operators of each block, by its path."""
    return dict(list(operators[operators.block != ""].groupby("block", sort=False)))


def ends(part: pd.DataFrame) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of the widest input from outside of a block, and of its output."""
    sources = {source for node in part.node for source in node.all_input_nodes} - {*part.node}
    entering = filter(None, map(shape, sources))
    return max(entering, key=lambda found: found[1]), part["shape"].iloc[-1]


def branches(part: pd.DataFrame) -> int:
    """The most convolutions and poolings of a block that could run at the same time.

    That is the largest set of which none needs the result of another. By Dilworth's theorem
    it is their number less the largest matching between them and those that depend on them.
    """
    inside, after = {*part.node}, {}
    for node in reversed([*part.node]):
        users = inside & {*node.users}
        after[node] = users.union(*(after[user] for user in users))
    nodes = part.node[part.kind.isin(["convolution", "pool"])]
    needs = np.array([[b in after[a] for b in nodes] for a in nodes], dtype=int)
    return len(nodes) - int((maximum_bipartite_matching(csr_array(needs)) >= 0).sum())
