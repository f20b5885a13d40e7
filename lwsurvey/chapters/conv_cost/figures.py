"""Figures of the chapter on the cost of a convolution."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor

from lwsurvey.figures import FAINT, INK, PALETTE, log_ticks

Part = tuple[float, float, int, int, str]
"""Side and depth of a solid, how many of them, its colour in the palette, and its label."""

SIDE, KERNEL, ROD = 1.5, 0.5, 0.2
"""Sides of a drawn feature map, of a K x K kernel, and of a 1 x 1 kernel."""

THIN, WIDE = 0.5, 0.9
"""Drawn depth of N and of M channels."""


def separable() -> Figure:
    """A standard and a depthwise separable convolution as feature map, kernels, feature map."""
    enters: Part = (SIDE, THIN, 1, 6, "$H \\times W \\times N$")
    leaves: Part = (SIDE, WIDE, 1, 6, "$H \\times W \\times M$")
    dense: Part = (KERNEL, THIN, 3, 2, "$M$ kernels\n$K \\times K \\times N$")
    flat: Part = (KERNEL, 0.06, 3, 1, "$N$ kernels\n$K \\times K \\times 1$")
    rods: Part = (ROD, THIN, 3, 0, "$M$ kernels\n$1 \\times 1 \\times N$")
    fig, axes = plt.subplots(2, 1, figsize=(7, 4.2))
    _chain(axes[0], "standard", [enters, dense, leaves])
    _chain(axes[1], "depthwise, then pointwise", [enters, flat, enters, rods, leaves])
    return fig


def _chain(ax: Axes, title: str, parts: list[Part]) -> None:
    """Draw solids in a row, with an arrow between each two."""
    x = 0.0
    for place, (side, depth, count, colour, label) in enumerate(parts):
        if place:
            ax.annotate("", (x + 0.45, 0), (x, 0), arrowprops={"arrowstyle": "-|>", "color": INK})
            x += 0.6
        step = side + depth + 0.1
        for k in range(count):
            _solid(ax, x + k * step, side, depth, PALETTE[colour])
        wide = (count - 1) * step + side + 0.7 * depth
        ax.text(x + wide / 2, -1.0, label, ha="center", va="top", fontsize=10)
        x += wide + 0.15
    ax.set_title(title, loc="left", fontsize=11)
    ax.set(aspect="equal", xlim=(-0.1, 12.9), ylim=(-1.9, 1.5))
    ax.axis("off")


def _solid(ax: Axes, x: float, side: float, depth: float, colour: str) -> None:
    """Three faces of a box whose front is a square around the height 0."""
    low, back = -side / 2, 0.7 * depth
    front = np.array([(x, low), (x + side, low), (x + side, -low), (x, -low)])
    moved = front + back
    faces = [front, [*front[3:1:-1], *moved[2:]], [front[1], front[2], moved[2], moved[1]]]
    for face, shade in zip(faces, (0.35, 0.15, 0.55), strict=True):
        ax.add_patch(Polygon(face, facecolor=colour, alpha=shade, linewidth=0))
        ax.add_patch(Polygon(face, fill=False, edgecolor=colour, linewidth=1, joinstyle="round"))


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
    ax.set(xlabel="output channels", ylabel="separable / standard")
    log_ticks(ax, (4, 16, 64, 256, 1024), tuple(1 / d for d in (2, 4, 8, 16, 32)))
    ax.set_yticks(ax.get_yticks(), [f"1/{1 / y:.0f}" for y in ax.get_yticks()])
    ax.legend(fontsize=9, loc="upper right")
    return fig
