"""The unit of ShuffleNet V1 as a drawing, at stride 1 and at stride 2."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from lwsurvey.plots import INK, PALETTE

CONVOLUTION, ORDER, OTHER = PALETTE[0], PALETTE[1], PALETTE[6]
STEP, HALF = 1.35, 0.36
BRANCH, SIDE = 0.0, 2.45


def units() -> Figure:
    """Both units side by side, as in figure 2 (b) and (c) of Zhang et al. 2018."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 5.4))
    for ax, stride in zip(axes, (1, 2), strict=True):
        _unit(ax, stride)
    return fig


def _parts(stride: int) -> list[tuple[str, str, str]]:
    """Text and colour of each box of the branch, and what is written below it."""
    out = "M" if stride == 1 else "$M - N$"
    return [
        ("1 × 1, g groups", CONVOLUTION, "BN, ReLU"),
        ("channel shuffle", ORDER, "M / 4"),
        ("3 × 3 depthwise" + ("\nstride 2" if stride == 2 else ""), CONVOLUTION, "BN"),
        ("1 × 1, g groups", CONVOLUTION, f"BN · {out}"),
    ]


def _unit(ax: plt.Axes, stride: int) -> None:
    parts = _parts(stride)
    end = -STEP * len(parts)
    _arrow(ax, (BRANCH, 1.5), (BRANCH, HALF))
    ax.text(BRANCH + 0.1, 1.25, "N = M" if stride == 1 else "N", va="center", fontsize=10)
    for i, (text, colour, below) in enumerate(parts):
        y = -STEP * i
        _box(ax, BRANCH, y, text, colour)
        last = i == len(parts) - 1
        _arrow(ax, (BRANCH, y - HALF), (BRANCH, end + 0.28 if last else y - STEP + HALF))
        ax.text(BRANCH + 0.1, y - 0.5 * STEP, below, va="center", fontsize=9.5)
    _shortcut(ax, stride, end)
    _join(ax, "+" if stride == 1 else "concat", end)
    ax.text(BRANCH + 0.1, end - 0.62, "ReLU · M", va="center", fontsize=9.5)
    ax.set_title(f"stride {stride}", fontsize=12)
    ax.set(xlim=(-1.2, 3.6), ylim=(end - 1.1, 1.6))
    ax.axis("off")


def _shortcut(ax: plt.Axes, stride: int, end: float) -> None:
    ax.plot([BRANCH, SIDE], [0.85, 0.85], color=INK, linewidth=1.1)
    middle = end / 2 + 0.4
    if stride == 2:
        _box(ax, SIDE, middle, "3 × 3 average\npool, stride 2", OTHER, width=1.0, height=0.45)
    ax.plot([SIDE, SIDE], [0.85, middle + 0.45 if stride == 2 else end], color=INK, linewidth=1.1)
    if stride == 2:
        ax.plot([SIDE, SIDE], [middle - 0.45, end], color=INK, linewidth=1.1)
        ax.text(SIDE + 0.1, middle - 0.8, "N", va="center", fontsize=9.5)
    _arrow(ax, (SIDE, end), (BRANCH + (0.3 if stride == 1 else 0.6), end))


def _join(ax: plt.Axes, text: str, end: float) -> None:
    _box(ax, BRANCH, end, text, OTHER, width=0.28 if text == "+" else 0.58, height=0.28)
    _arrow(ax, (BRANCH, end - 0.3), (BRANCH, end - 1.05))


def _box(ax, x: float, y: float, text: str, colour: str, width: float = 1.15, height: float = HALF):
    size = dict(width=2 * width, height=2 * height)
    patch = FancyBboxPatch(
        (x - width, y - height), **size, boxstyle="round,pad=0,rounding_size=0.1"
    )
    patch.set(facecolor="none", edgecolor=colour, linewidth=1.8)
    ax.add_patch(patch)
    ax.text(x, y, text, ha="center", va="center", fontsize=10)


def _arrow(ax: plt.Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = dict(arrowstyle="-|>", color=INK, linewidth=1.1, shrinkA=0, shrinkB=0)
    ax.annotate("", end, start, arrowprops=style)
