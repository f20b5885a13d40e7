"""Figures of relative speeds, ours beside the paper's, and of the units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lwsurvey.chapters.shufflenet_v2 import tables
from lwsurvey.chapters.shufflenet_v2.experiment import Column
from lwsurvey.chapters.shufflenet_v2.networks import FACTORS
from lwsurvey.figures import INK, PALETTE, intervals
from lwsurvey.stats import Estimate

OURS, GPU, ARM = PALETTE[0], PALETTE[1], PALETTE[2]
_PAPER = {"GPU": (GPU, "^", -0.22), "ARM": (ARM, "s", 0.22)}
_SHORT = {
    "2-fragment-series": "2 in series", "4-fragment-series": "4 in series",
    "2-fragment-parallel": "2 parallel", "4-fragment-parallel": "4 parallel",
    "1-fragment": "1 fragment",
}  # fmt: skip


def relative(guideline: int, timed: Sequence[Column], name: str) -> Figure:
    """Speed of each variant over that of the first one, a panel for each size.

    Args:
        guideline: 1 to 4; where the paper's markers come from.
        timed: its columns.
        name: of this machine's markers in the legend.
    """
    fig, axes = plt.subplots(
        1, len(timed), figsize=(7.2, 3.7), sharey=True, sharex=True, squeeze=False
    )
    for k, (ax, one) in enumerate(zip(axes[0], timed, strict=True)):
        first, *others = one.variants
        for platform, (colour, marker, shift) in _PAPER.items():
            places = [place + shift for place in range(1, len(others) + 1)]
            printed = tables.relative(guideline, platform)[k][others].to_numpy()
            ax.plot(places, printed, marker, mfc="none", mec=colour, mew=1.5, markersize=7)
        speeds = {place: one.speed(variant) for place, variant in enumerate(others, start=1)}
        intervals(ax, speeds, colour=OURS, markersize=7, zorder=3)
        ax.axhline(1, color=INK, linewidth=0.8)
        ax.set_title(f"widths × {FACTORS[k]}", fontsize=11)
        labels = [_SHORT.get(variant, variant) for variant in others]
        ax.set_xticks(range(1, len(others) + 1), labels, rotation=35, ha="right", fontsize=10)
        ax.grid(False, axis="x")
    axes[0, 0].set_ylabel(f"speed relative to\n{_SHORT.get(first, first)}", fontsize=10)
    axes[0, 0].set_xlim(0.5, len(others) + 0.5)
    _legend(fig, name)
    return fig


def _legend(fig: Figure, name: str) -> None:
    markers = {name: (OURS, "o", OURS), "paper, GPU": (GPU, "^", "none")}
    markers["paper, ARM"] = (ARM, "s", "none")
    handles = [
        plt.Line2D([], [], linestyle="", marker=shape, mec=edge, mfc=fill, mew=1.5, label=label)
        for label, (edge, shape, fill) in markers.items()
    ]
    fig.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=10)


def layouts(columns: Mapping[str, Mapping[str, Estimate]]) -> Figure:
    """Times of violations over those of the compliant variants, a colour for each memory layout.

    Args:
        columns: layout -> violation -> ratio of times.
    """
    fig, ax = plt.subplots(figsize=(7.2, 3.2))
    for k, (layout, ratios) in enumerate(columns.items()):
        shift = 0.24 * (k - (len(columns) - 1) / 2)
        style = dict(colour=PALETTE[k], fmt="oD"[k % 2], capsize=0, label=layout)
        intervals(ax, ratios, horizontal=True, shift=shift, **style)
    ax.axvline(1, color=INK, linewidth=0.8)
    ax.set(xlabel="time of the violation / time of the compliant arm")
    fig.legend(loc="outside upper center", ncols=len(columns), fontsize=10)
    return fig


# The units (c) and (d) of figure 3 of the paper.

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
