"""Figures of relative speeds, ours and the paper's."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lwsurvey.chapters.shufflenet_v2 import tables
from lwsurvey.chapters.shufflenet_v2.experiment import Race
from lwsurvey.chapters.shufflenet_v2.networks import FACTORS
from lwsurvey.figures import INK, PALETTE, intervals, names

PAPER = {"GPU": ("^", PALETTE[1], -0.22), "ARM": ("s", PALETTE[2], 0.22)}


def relative(guideline: int, timed: Sequence[Race]) -> Figure:
    """Speed of each variant over that of the first one, a panel for each size.

    Args:
        guideline: 1 to 4; where the paper's markers come from.
        timed: races of its columns.
    """
    fig, axes = plt.subplots(1, len(timed), figsize=(7.2, 3.7), sharey=True, squeeze=False)
    printed = tables.speeds(guideline)
    for k, (ax, run) in enumerate(zip(axes[0], timed, strict=True)):
        first, *others = run.variants
        for platform, (mark, colour, shift) in PAPER.items():
            theirs = printed[platform][k] / printed[platform].loc[first, k]
            places = [place + shift for place in range(len(others))]
            style = dict(mfc="none", mec=colour, mew=1.5, ms=7, label=f"paper, {platform}")
            ax.plot(places, theirs[others], mark, **style)
        intervals(ax, run.speeds(), markersize=7, zorder=3, label="this machine")
        names(ax, [name.replace("-fragment-", " in ") for name in others], horizontal=False)
        plt.setp(ax.get_xticklabels(), rotation=35, ha="right", rotation_mode="anchor")
        ax.axhline(1, color=INK, linewidth=0.8)
        ax.set_title(f"widths × {FACTORS[k]}", fontsize=11)
    axes[0, 0].set_ylabel(f"speed relative to\n{first}", fontsize=10)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig
