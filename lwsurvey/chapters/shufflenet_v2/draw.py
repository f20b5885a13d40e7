"""Pictures of relative speeds, ours beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey.chapters.shufflenet_v2 import paper
from lwsurvey.chapters.shufflenet_v2.arms import FACTORS
from lwsurvey.chapters.shufflenet_v2.race import Column
from lwsurvey.figures import ends
from lwsurvey.figures.theme import INK, PALETTE
from lwsurvey.stats import Estimate

OURS, GPU, ARM = PALETTE[0], PALETTE[1], PALETTE[2]
_PAPER = {"GPU": (GPU, "^", -0.22), "ARM": (ARM, "s", 0.22)}
_SHORT = {
    "2-fragment-series": "2 in series", "4-fragment-series": "4 in series",
    "2-fragment-parallel": "2 parallel", "4-fragment-parallel": "4 parallel",
    "1-fragment": "1 fragment",
}  # fmt: skip


def relative(guideline: int, timed: Sequence[Column], name: str) -> Figure:
    """Speed of each arm over that of the first one, a panel for each size.

    Args:
        guideline: 1 to 4; where the paper's markers come from.
        timed: its columns.
        name: of this machine's markers in the legend.
    """
    fig, axes = plt.subplots(
        1, len(timed), figsize=(7.2, 3.7), sharey=True, sharex=True, squeeze=False
    )
    for k, (ax, one) in enumerate(zip(axes[0], timed, strict=True)):
        arms = list(one.arms)
        for platform, (colour, marker, shift) in _PAPER.items():
            _printed(ax, paper.relative(guideline, platform)[k][arms], colour, marker, shift)
        _ours(ax, [one.speed(arm) for arm in arms[1:]])
        ax.axhline(1, color=INK, linewidth=0.8)
        ax.set_title(f"widths × {FACTORS[k]}", fontsize=11)
        labels = [_SHORT.get(arm, arm) for arm in arms[1:]]
        ax.set_xticks(range(1, len(arms)), labels, rotation=35, ha="right", fontsize=10)
        ax.grid(False, axis="x")
    axes[0, 0].set_ylabel(f"speed relative to\n{_SHORT.get(arms[0], arms[0])}", fontsize=10)
    axes[0, 0].set_xlim(0.5, len(arms) - 0.5)
    _legend(fig, name)
    return fig


def layouts(columns: Mapping[str, Mapping[str, Estimate]]) -> Figure:
    """Times of violations over those of the compliant arms, a colour for each memory layout.

    Args:
        columns: layout -> violation -> ratio of times.
    """
    fig, ax = plt.subplots(figsize=(7.2, 3.2))
    names = list(next(iter(columns.values())))
    for k, (layout, ratios) in enumerate(columns.items()):
        places = [place + 0.24 * (k - (len(columns) - 1) / 2) for place in range(len(names))]
        values = [ratios[name] for name in names]
        middle = [e.value for e in values]
        ax.errorbar(
            middle, places, xerr=ends(values), fmt="oD"[k % 2], color=PALETTE[k], label=layout
        )
    ax.axvline(1, color=INK, linewidth=0.8)
    ax.set_yticks(range(len(names)), names, fontsize=10)
    ax.set(
        xlabel="time of the violation / time of the compliant arm", ylim=(len(names) - 0.5, -0.5)
    )
    ax.grid(False, axis="y")
    fig.legend(loc="outside upper center", ncols=len(columns), fontsize=10)
    return fig


def _ours(ax: Axes, speeds: Sequence[Estimate]) -> None:
    middle = [speed.value for speed in speeds]
    places = range(1, len(speeds) + 1)
    ax.errorbar(
        places, middle, yerr=ends(speeds), fmt="o", color=OURS, capsize=3, markersize=7, zorder=3
    )


def _printed(ax: Axes, speeds, colour: str, marker: str, shift: float) -> None:
    places = [place + shift for place in range(1, len(speeds))]
    ax.plot(places, speeds.to_numpy()[1:], marker, mfc="none", mec=colour, mew=1.5, markersize=7)


def _legend(fig: Figure, name: str) -> None:
    markers = {name: (OURS, "o", OURS), "paper, GPU": (GPU, "^", "none")}
    markers["paper, ARM"] = (ARM, "s", "none")
    handles = [
        plt.Line2D([], [], linestyle="", marker=shape, mec=edge, mfc=fill, mew=1.5, label=label)
        for label, (edge, shape, fill) in markers.items()
    ]
    fig.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=10)
