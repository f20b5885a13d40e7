"""Figures of the chapter on the cost of a convolution."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from lwsurvey.figures import FAINT, INK, PALETTE


def reach_panels(seen: dict[str, Tensor]) -> Figure:
    """Six panels of who sees whom.

    Args:
        seen: by name, what `lwsurvey.cost.reach` returns, shape ``(M, N, size, size)``.
    """
    fig, axes = plt.subplots(2, 3, figsize=(7, 5.2))
    for ax, (name, dependence) in zip(axes.flat, seen.items(), strict=True):
        cells = np.ma.masked_equal(dependence.flatten(2).any(2).numpy(), False)
        ax.pcolormesh(cells, cmap=ListedColormap([PALETTE[0]]), ec=FAINT, lw=0.4)
        pixels = int(dependence[0].any(0).sum())
        ax.set_title(f"{name}\n{pixels} {'pixel' if pixels == 1 else 'pixels'}", fontsize=10)
        ax.set(aspect="equal", xticks=[], yticks=[])
        ax.invert_yaxis()
    fig.supxlabel("input channel", fontsize=10)
    fig.supylabel("output channel", fontsize=10)
    return fig


def ratio_curves(blocks: pd.DataFrame, threshold: float) -> Figure:
    """Separable over standard cost by output channels, with the layers of a network.

    Args:
        blocks: columns ``M``, ``ratio`` and ``separable`` (MACs), one row a block.
        threshold: output channels from which a 3 x 3 layer is eight times cheaper.
    """
    fig, ax = plt.subplots(figsize=(7, 4))
    widths = np.geomspace(4, 2048, 200)
    ax.axhspan(1 / 9, 1 / 8, color=PALETTE[4], alpha=0.35, lw=0, label="1/9 to 1/8")
    for side, colour in zip((3, 5, 7), PALETTE, strict=False):
        ax.plot(widths, 1 / widths + 1 / side**2, color=colour, label=f"{side} × {side}")
    alike = blocks.groupby("M").agg(ratio=("ratio", "mean"), macs=("separable", "sum"))
    size, label = alike.macs / 1e6, "MobileNet V1 (area: MACs)"
    ax.scatter(alike.index, alike.ratio, s=size, color=INK, zorder=3, label=label)
    ax.axvline(threshold, color=INK, ls=":", lw=1)
    ax.annotate(f"{threshold:g} channels", (threshold * 1.08, 0.43), fontsize=10)
    ax.set(xscale="log", yscale="log", xlabel="output channels", ylabel="separable / standard")
    ax.set_xticks(ticks := [4, 16, 64, 256, 1024], map(str, ticks))
    ax.set_yticks([1 / d for d in (2, 4, 8, 16, 32)], [f"1/{d}" for d in (2, 4, 8, 16, 32)])
    ax.minorticks_off()
    ax.legend(fontsize=9, loc="upper right")
    return fig
