"""GoogLeNet (Szegedy et al. 2015): its table 1, row by row."""

from __future__ import annotations

from functools import cache

import pandas as pd
import torch.fx
from torch import nn

from lwsurvey.claims import ledger
from lwsurvey.models import zoo
from lwsurvey.models.googlenet import INCEPTION, GoogLeNet
from lwsurvey.printed_tables import traces

KILO, MEGA = 1024, 1e6
BRANCHES = {
    "branch1.conv": "#1x1",
    "branch2.0.conv": "#3x3 reduce",
    "branch2.1.conv": "#3x3",
    "branch3.0.conv": "#5x5 reduce",
    "branch3.1.conv": "#5x5",
    "branch4.1.conv": "pool proj",
}
"""Layers of torchvision's module, and the columns of the table that they stand in."""

OUTSIDE = {
    "conv1.conv": "conv1", "maxpool1": "pool1", "conv3.conv": "conv2", "maxpool2": "pool2",
    "maxpool3": "pool3", "maxpool4": "pool4", "avgpool": "avgpool",
}  # fmt: skip
"""Torchvision's layers outside the modules, and the rows of the table that they stand in."""

TOTALS = {"params": ("C296", 1000), "ops": ("C666", 1)}
"""The claim that holds a printed column, and how many of its units make a million."""


@cache
def rows() -> pd.DataFrame:
    """One row for each row of the table, of the network built from its filter counts.

    Returns:
        Indexed ``conv1``, ``pool1`` ... ``linear``: ``side`` and ``out`` (channels) of the
        output, ``weights`` (without biases), ``parameters_k`` (weights in units of 1024, the
        one that fits most of the printed cells), ``macs`` (millions), ``depth`` (weight
        layers on the longest way through).
    """
    network = traces.on_meta(GoogLeNet, bias=False)
    trace = traces.trace(network, 224)
    found = {name: _row(trace, name, part) for name, part in network.named_children()}
    return pd.DataFrame(found.values(), index=pd.Index(found, name="row"))


def _row(trace: traces.Trace, name: str, part: nn.Module) -> dict[str, float]:
    output, layers = trace.calls[name][0][1], trace.inside(name)
    weights = int(layers.weights.sum())
    return {
        "side": traces.rows_of(output), "out": output[1], "weights": weights,
        "parameters_k": weights / KILO, "macs": float(layers.macs.sum()) / MEGA,
        "depth": depth(part),
    }  # fmt: skip


def depth(module: nn.Module) -> int:
    """Weight layers on the longest way from input to output, followed through the graph."""
    if not list(module.children()):
        return int(_has_weights(module))
    graph = torch.fx.symbolic_trace(module).graph
    known: dict[torch.fx.Node, int] = {}
    for node in graph.nodes:
        layer = module.get_submodule(node.target) if node.op == "call_module" else None
        before = max((known[given] for given in node.all_input_nodes), default=0)
        known[node] = before + (layer is not None and _has_weights(layer))
    return known[node]  # the last node of a graph is its output


def _has_weights(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d | nn.Linear)


def outline() -> dict[str, int]:
    """Sides, widths and total depth (C295)."""
    table = rows()
    both = ["conv1", "conv2", *INCEPTION]
    cells = {f"{name}.side": int(table.side[name]) for name in [*both, "pool1", "pool2", "avgpool"]}
    cells |= {f"{name}.out": int(table.out[name]) for name in [*both, "linear"]}
    return cells | {"depth": int(table.depth.sum())}


def rest() -> dict[str, int]:
    """The cells of output size and depth that `outline` leaves.

    The seed's softmax is no layer of ours; it changes neither size nor depth, so that its
    cells are those behind the linear layer and 0.
    """
    table, known = rows(), outline()
    cells = {
        f"{name}.{what}": int(table.loc[name, what])
        for name in table.index
        for what in ("side", "out", "depth")
    }
    cells |= {"softmax.side": cells["linear.side"], "softmax.out": cells["linear.out"]}
    return {name: value for name, value in cells.items() if name not in known}


def parameters() -> dict[str, float]:
    """The column "params" in units of 1024 weights, for the rows that have any (C296)."""
    table = rows()
    return {name: float(k) for name, k in table.parameters_k.items() if k}


def operations() -> dict[str, float]:
    """The column "ops" in millions of MACs, for the rows that have any (C666)."""
    return {name: float(macs) for name, macs in rows().macs.items() if macs}


@cache
def filters() -> dict[str, int]:
    """The columns of filter counts and of patch sizes and strides, off torchvision's GoogLeNet.

    The one built here has them from the table, so that it could not disagree. Not compared:
    the patch of the fourth pooling (3 x 3; torchvision's 2 x 2 gives the same sides) and the
    stride of the last (there is one position).
    """
    network = zoo.from_torchvision("googlenet", aux_logits=False, init_weights=False)
    layers = traces.trace(network, 224).layers.set_index("name")
    cells = {"conv2.#3x3 reduce": layers.M["conv2.conv"], "conv2.#3x3": layers.M["conv3.conv"]}
    for module in INCEPTION:
        for layer, column in BRANCHES.items():
            cells[f"{module}.{column}"] = layers.M[f"inception{module}.{layer}"]
    for layer, row in OUTSIDE.items():
        cells |= {f"{row}.patch": layers.K[layer], f"{row}.stride": layers.s[layer]}
    del cells["pool4.patch"], cells["avgpool.stride"]
    return {name: int(value) for name, value in cells.items()}


def printed_total(column: str) -> float:
    """Sum of the printed column ``params`` (K = 1000) or ``ops``, in millions (C306, C667)."""
    if column not in TOTALS:
        raise ValueError(f"the printed columns are {', '.join(TOTALS)}, not {column!r}")
    claim, units = TOTALS[column]
    return sum(ledger()[claim].rule.value.values()) / units
