"""Picture: where along its depth a network spends what."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lwsurvey import cost, figures
from lwsurvey.cost import shares

COLOURS = {
    "depthwise": figures.PALETTE[1],
    "pointwise": figures.PALETTE[0],
    "other convolution": figures.PALETTE[2],
    "fully connected": figures.PALETTE[3],
}
QUANTITIES = {
    "macs": "million MACs",
    "parameters": "million parameters",
    "memory_access": "million elements\nread and written",
}


def along_the_depth(profiles: Mapping[str, cost.Profile]) -> Figure:
    """Cost of each convolution and fully connected layer, in order of execution.

    Args:
        profiles: by name of the network, a column each; the rows are MACs, parameters and
            memory access.
    """
    size = (len(QUANTITIES), len(profiles))
    fig, axes = plt.subplots(
        *size, figsize=(7.4, 5.6), sharex="col", sharey="row", squeeze=False
    )  # fmt: skip
    for column, (name, profile) in zip(axes.T, profiles.items(), strict=True):
        layers = shares.weighted(profile).reset_index(drop=True)
        column[0].set_title(name, fontsize=11)
        column[-1].set_xlabel("layer", fontsize=10)
        for ax, quantity in zip(column, QUANTITIES, strict=True):
            _bars(ax, layers, quantity)
    for ax, label in zip(axes[:, 0], QUANTITIES.values(), strict=True):
        ax.set_ylabel(label, fontsize=10)
    handles = [Patch(color=colour, label=kind) for kind, colour in COLOURS.items()]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(COLOURS), fontsize=9.5)
    return fig


def kinds(layers: pd.DataFrame) -> pd.Series:
    """The key of `COLOURS` for each layer."""
    kind = pd.Series("other convolution", index=layers.index)
    for name, mask in shares.KINDS.items():
        kind[mask(layers)] = name
    return kind


def _bars(ax: Axes, layers: pd.DataFrame, quantity: str) -> None:
    colours = kinds(layers).map(COLOURS)
    ax.bar(layers.index + 1, layers[quantity] / 1e6, width=1, color=colours, lw=0)
    ax.margins(x=0.01)
    ax.grid(False, axis="x")
    ax.tick_params(labelsize=9)
