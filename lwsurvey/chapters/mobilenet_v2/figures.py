"""The figures of the chapter; each returns a figure for `lwsurvey.show.figure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from lwsurvey.figures import INK, PALETTE, Box, Unit, intervals, log_ticks, units
from lwsurvey.stats import Estimate

MARKS = ("o", "s", "D", "^")


def brackets() -> Figure:
    """The same layers under two brackets: narrow ends, and wide ends as in the paper's 6b."""
    narrow, wide = 0.3, 1.0
    expand = Box("1 × 1, expand", "pointwise", "BN, ReLU6 · $tN$", wide)
    filters = Box("3 × 3 depthwise", "depthwise", "BN, ReLU6 · $tN$", wide)
    project = Box("1 × 1, project", "pointwise", "BN · $N$", narrow)
    return units(
        Unit("between narrow ends", [expand, filters, project], "narrow", leaves="$N$"),
        Unit(
            "between wide ends",
            [filters, project, Box("1 × 1, expand", "pointwise", "BN · $tN$", wide)],
            "ends",
            enters="$tN$",
            leaves="ReLU6 · $tN$",
        ),
    )


def peaks(peaks: Mapping[int, int], others: Mapping[str, int]) -> Figure:
    """Peak memory of a network against the number of slices of its blocks.

    Args:
        peaks: slices -> elements.
        others: what horizontal lines show -> elements.
    """
    fig, ax = plt.subplots(figsize=(7, 3.3))
    places = np.arange(len(peaks))
    ax.bar(places, [n / 1e6 for n in peaks.values()], width=0.6, color=PALETTE[0], linewidth=0)
    for (name, n), colour in zip(others.items(), PALETTE[1:], strict=False):
        ax.axhline(n / 1e6, color=colour, linewidth=1.6, linestyle="--")
        ax.text(len(peaks) - 0.35, n / 1e6, name, va="center", fontsize=10, color=colour)
    ax.set_xticks(places, [str(n) for n in peaks])
    ax.set(xlabel="slices of the middle of each block", ylabel="million elements")
    ax.set_xlim(-0.6, len(peaks) - 0.4)
    ax.grid(axis="x", visible=False)
    return fig


def lines(series: Mapping[str, Mapping[float, Estimate]], xlabel: str) -> Figure:
    """Test accuracies with 95 % intervals against a number, a line for each series, on a log scale.

    Args:
        series: name -> number -> estimate; 4 series at most, shifted a little side by side.
        xlabel: what the number is.
    """
    fig, ax = plt.subplots(figsize=(7, 3.5))
    middle = (len(series) - 1) / 2
    for k, (name, found) in enumerate(series.items()):
        shifted = {at * 1.025 ** (k - middle): one for at, one in found.items()}
        style = dict(fmt=f"{MARKS[k]}-", colour=PALETTE[k], linewidth=1.3, label=name)
        intervals(ax, shifted, **style)
    log_ticks(ax, sorted({at for found in series.values() for at in found}))
    ax.set(xlabel=xlabel, ylabel="test accuracy, %")
    if len(series) > 1:
        ax.legend(fontsize=10)
    return fig


def gradient_norms(norms: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Norm of the gradient of each unit's weights along networks, on a log scale.

    Args:
        norms: name -> one list for each seed, of a norm for each unit. The line is the
            geometric mean of the seeds; the band reaches from the least to the greatest.
    """
    fig, ax = plt.subplots(figsize=(7, 3.9))
    for k, (name, rows) in enumerate(norms.items()):
        values, places = np.array(rows), np.arange(1, len(rows[0]) + 1)
        mean = np.exp(np.log(values).mean(0))
        ax.plot(places, mean, color=PALETTE[k], linewidth=1.8, label=name)
        ax.fill_between(places, values.min(0), values.max(0), color=PALETTE[k], alpha=0.2, lw=0)
    ax.axvline(len(places) / 2 + 0.5, color=INK, linewidth=0.8, linestyle=":")
    ax.set_yscale("log")
    ax.set(xlabel="unit, from input to output", ylabel="norm of the gradient")
    fig.legend(loc="outside upper center", ncols=2, fontsize=9.5)
    return fig
