"""Tables of blocks, inspected in built networks, and the paper's table of feature maps."""

from __future__ import annotations

import pandas as pd
import torch
from torch import nn

from lwsurvey import paths
from lwsurvey.models.editing import IMAGE, bypass
from lwsurvey.printed_tables import traces

BLOCK = "1x1 ReLU6 3x3 ReLU6 1x1"
"""Table 1 of the paper as a word: the order of convolutions and activations."""


def blocks(net: nn.Module, kind: type) -> pd.DataFrame:
    """A row for each block of a kind, in the order of execution on a 224 x 224 image.

    Args:
        net: network, changed to evaluation mode.
        kind: class of its blocks, which are bottlenecks or inverted residuals.

    Returns:
        Columns ``side`` and ``side_out`` (rows of the feature map), ``N``, ``hidden``, ``M``,
        ``t`` (``hidden / N``), ``K`` and ``stride`` of the middle convolution, ``depthwise``
        (whether it is), ``order`` (such as `BLOCK`), ``shortcut`` (whether something comes out
        if the branch gives nothing, which is tried), ``inner_relu`` (whether an activation has
        ``hidden`` channels), ``bare`` (convolutions without a normalisation right behind them)
        and ``weights`` (of the convolutions).
    """
    traced = traces.trace(net.eval(), IMAGE[-1])
    named = {name: part for name, part in net.named_modules() if isinstance(part, kind)}
    return pd.DataFrame([_row(part, traced.inside(name)) for name, part in named.items()])


def _row(block: nn.Module, layers: pd.DataFrame) -> dict[str, object]:
    branch = layers[~layers.name.str.contains("downsample")]
    convolutions = branch[branch.N.notna()]
    first, middle, last = (convolutions.iloc[place] for place in (0, -2, -1))
    activations = branch[branch.kind.str.startswith("ReLU")]
    names = convolutions.kernel.map("{0[0]}x{0[1]}".format)
    order = pd.concat([names, activations.kind]).sort_index()
    behind = branch.kind.shift(-1)[convolutions.index]
    through = bypass(block, torch.ones(1, first.N, first.side, first.side))
    return {
        "side": first.side, "side_out": last.side_out, "N": first.N, "hidden": middle.N,
        "M": last.M, "t": middle.N / first.N, "K": middle.K, "stride": middle.s,
        "depthwise": middle.G == middle.N == middle.M, "order": " ".join(order),
        "shortcut": bool(through.any()), "inner_relu": middle.N in set(activations.C_out),
        "bare": int((behind != "BatchNorm2d").sum()), "weights": convolutions.weights.sum(),
    }  # fmt: skip


def table3() -> pd.DataFrame:
    """Table 3 of the paper, of its later version: ``channels`` and ``kB`` by network and side."""
    table = pd.read_csv(paths.data("papers/papers_mobilenetv2_table3.csv"))
    rows = table[table.version.str.startswith("later") & table.resolution.str.contains(r"\dx")]
    rows = rows.set_index(rows.resolution.str.split("x").str[0].astype(int).rename("side"))
    columns = rows.filter(like="_ch_kb").rename(columns=lambda name: name.removesuffix("_ch_kb"))
    cells = columns.T.rename_axis("network").stack().str.split("/", expand=True).astype(int)
    return cells.set_axis(["channels", "kB"], axis=1)
