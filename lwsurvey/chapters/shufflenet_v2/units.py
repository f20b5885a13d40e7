"""A drawing of the units (c) and (d) of figure 3 of the paper."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lwsurvey.figures.theme import INK, PALETTE

MOVE, POINTWISE, DEPTHWISE = PALETTE[3], PALETTE[0], PALETTE[1]
LEFT, RIGHT, MIDDLE = 1.0, 3.2, 2.1
WIDE, HIGH = 1.9, 0.74
Box = tuple[float, str, str]


def units(c: int = 116) -> Figure:
    """Units (c), stride 1, and (d), stride 2.

    Args:
        c: channels of the output of both, of which the labels show the halves.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 5.6))
    half = c // 2
    branch = [
        (6.2, f"1 × 1\n→ {half}, ReLU", POINTWISE),
        (4.9, "3 × 3 depthwise", DEPTHWISE),
        (3.6, f"1 × 1\n→ {half}, ReLU", POINTWISE),
    ]
    axes[0].set_title("(c) basic unit", fontsize=12)
    _box(axes[0], MIDDLE, 7.5, f"split {half} + {half}", MOVE)
    _branch(axes[0], RIGHT, branch, top=7.5)
    _arrow(
        axes[0], (MIDDLE - 0.6, 7.5 - HIGH / 2), (MIDDLE - 0.6, 2.3 + HIGH / 2), label="untouched"
    )
    axes[1].set_title("(d) stride 2", fontsize=12)
    down = [
        (4.9, "3 × 3 depthwise\nstride 2", DEPTHWISE),
        (3.6, f"1 × 1\n→ {half}, ReLU", POINTWISE),
    ]
    _branch(axes[1], LEFT, down, top=None)
    _branch(
        axes[1], RIGHT, [branch[0], (4.9, "3 × 3 depthwise\nstride 2", DEPTHWISE), branch[2]], None
    )
    for ax in axes:
        _tail(ax)
        ax.set(xlim=(-0.1, 4.3), ylim=(0.2, 8.7))
        ax.axis("off")
    _arrow(axes[0], (MIDDLE, 8.6), (MIDDLE, 7.5 + HIGH / 2))
    for x in (LEFT, RIGHT):
        top = 4.9 if x == LEFT else 6.2
        _arrow(axes[1], (MIDDLE, 8.6), (x, top + HIGH / 2))
    return fig


def _branch(ax: Axes, x: float, boxes: list[Box], top: float | None) -> None:
    if top is not None:
        _arrow(ax, (MIDDLE + 0.5, top - HIGH / 2), (x, boxes[0][0] + HIGH / 2))
    for y, text, colour in boxes:
        _box(ax, x, y, text, colour)
    for (upper, *_), (lower, *_) in pairwise(boxes):
        _arrow(ax, (x, upper - HIGH / 2), (x, lower + HIGH / 2))
    _arrow(ax, (x, boxes[-1][0] - HIGH / 2), (MIDDLE + 0.45 * (x - MIDDLE), 2.3 + HIGH / 2))


def _tail(ax: Axes) -> None:
    _box(ax, MIDDLE, 2.3, "concatenate", MOVE)
    _box(ax, MIDDLE, 1.2, "shuffle in 2 groups", MOVE)
    _arrow(ax, (MIDDLE, 2.3 - HIGH / 2), (MIDDLE, 1.2 + HIGH / 2))
    _arrow(ax, (MIDDLE, 1.2 - HIGH / 2), (MIDDLE, 0.3))


def _box(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    corner = (x - WIDE / 2, y - HIGH / 2)
    style = "round,pad=0.02,rounding_size=0.12"
    ax.add_patch(FancyBboxPatch(corner, WIDE, HIGH, style, fc="none", ec=colour, lw=1.8))
    ax.text(x, y, text, ha="center", va="center", fontsize=10.5, linespacing=1.05)


def _arrow(ax: Axes, start: tuple, end: tuple, label: str = "") -> None:
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=INK, lw=1))
    if label:
        ax.text(MIDDLE - 0.85, 4.9, label, ha="center", va="center", fontsize=10.5, rotation=90)
