"""Estimates drawn with their intervals: against numbers or names, and as a table of effects."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from lwsurvey.figures.theme import FAINT, INK, PALETTE
from lwsurvey.stats import Estimate

NAMES = 34
"""Letters of a name that stand in one line."""

MARKS = "osD^vPX"
"""Marks of the series of a figure, in order."""


def intervals(
    ax: Axes,
    estimates: Mapping[str, Estimate] | Mapping[float, Estimate],
    *,
    horizontal: bool = False,
    shift: float = 0.0,
    zero: float | None = None,
    colour: str = PALETTE[0],
    **style: Any,
) -> None:
    """Draw a series of points with their intervals; call it once for each series.

    Args:
        ax: axes to draw on.
        estimates: name or number -> estimate. Numbers are positions on the axis; names stand
            one step apart, in order, with horizontal intervals from top to bottom.
        horizontal: whether the intervals lie along the x axis, with the names on the y axis.
        shift: distance of the points from their positions, to keep several series apart.
        zero: where a line marks no difference; no line if not given.
        colour: of points and intervals.
        style: passed to `Axes.errorbar`, such as ``label``, ``capsize`` (3) or ``fmt`` (``"o"``;
            ``"o-"`` joins the points by a line).

    Raises:
        ValueError: there is no estimate.
    """
    _check(estimates)
    if zero is not None:
        (ax.axvline if horizontal else ax.axhline)(zero, color=INK, linewidth=0.8)
    named = isinstance(next(iter(estimates)), str)
    if named:
        names(ax, list(estimates), horizontal=horizontal)
    at = [place + shift for place in (range(len(estimates)) if named else estimates)]
    values, lengths = [one.value for one in estimates.values()], ends(estimates.values())
    style = dict(fmt="o", color=colour, capsize=3) | style
    if horizontal:
        ax.errorbar(values, at, xerr=lengths, **style)
    else:
        ax.errorbar(at, values, yerr=lengths, **style)


def names(ax: Axes, texts: Sequence[str], *, horizontal: bool = True, fontsize: float = 10) -> None:
    """Name the positions 0, 1, ... on the y axis from top to bottom, or on the x axis.

    Args:
        ax: axes whose ticks, limits and grid lines are set.
        texts: names, in order.
        horizontal: whether what is drawn lies along the x axis, with the names on the y axis.
        fontsize: in points.
    """
    if horizontal:
        ax.set_yticks(range(len(texts)), texts, fontsize=fontsize)
        ax.set_ylim(len(texts) - 0.5, -0.5)
    else:
        ax.set_xticks(range(len(texts)), texts, fontsize=fontsize)
        ax.set_xlim(-0.5, len(texts) - 0.5)
    ax.grid(visible=False, axis="y" if horizontal else "x")


def log_ticks(
    ax: Axes, x: Sequence[float] = (), y: Sequence[float] = (), *, inside: bool = False
) -> None:
    """Make axes logarithmic, with ticks written as plain numbers such as 1,000.

    Args:
        ax: axes whose scales and ticks are set.
        x: ticks of the x axis, which stays as it is if there are none.
        y: ticks of the y axis, likewise.
        inside: whether to leave out ticks beyond the present limits, which otherwise widen.
    """
    for name, ticks in (("x", x), ("y", y)):
        if not ticks:
            continue
        ax.set(**{f"{name}scale": "log"})
        axis: Axis = getattr(ax, f"{name}axis")
        low, high = sorted(axis.get_view_interval())
        shown = [tick for tick in ticks if not inside or low <= tick <= high]
        axis.set_ticks(shown, [f"{tick:,g}" for tick in shown])
        axis.minorticks_off()


def lines(
    series: Mapping[str, Mapping[float, Estimate]],
    xlabel: str,
    ylabel: str = "test accuracy, %",
    *,
    log: str = "x",
    band: bool = False,
) -> Figure:
    """Estimates against a number, a line for each series.

    Args:
        series: name -> number -> estimate; 7 series at most.
        xlabel: what the number is, with its unit.
        ylabel: what was estimated, with its unit.
        log: logarithmic axes, ``x``, ``y``, ``xy`` or nothing; a logarithmic x axis has its
            ticks at the numbers, and series with intervals a little side by side.
        band: whether the intervals are drawn as a shade, which suits many points.

    Raises:
        ValueError: there is no series, or one without an estimate.
    """
    _check(series)
    fig, ax = plt.subplots(figsize=(7, 3.6))
    middle = (len(series) - 1) / 2
    for k, (name, found) in enumerate(series.items()):
        style = dict(color=PALETTE[k], linewidth=1.3, label=name)
        if band:
            _check(found)
            ax.plot(list(found), [one.value for one in found.values()], **style)
            edges = zip(*((one.low, one.high) for one in found.values()), strict=True)
            ax.fill_between(list(found), *edges, color=PALETTE[k], alpha=0.2, linewidth=0)
            continue
        uncertain = any(one.low < one.high for one in found.values())
        apart = 1.025 ** (k - middle) if "x" in log and uncertain else 1
        shifted = {at * apart: one for at, one in found.items()}
        intervals(ax, shifted, fmt=f"{MARKS[k]}-", **style)
    if "x" in log:
        log_ticks(ax, sorted({at for found in series.values() for at in found}))
    if "y" in log:
        ax.set_yscale("log")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(series) > 1:
        fig.legend(
            loc="outside upper center",
            ncols=3 if max(map(len, series)) < NAMES - 10 else 2,
            fontsize=9.5,
        )
    return fig


def effects(
    named: Mapping[str, Estimate],
    margin: float | None = None,
    xlabel: str = "difference in test accuracy, points",
) -> Figure:
    """Differences: mean and 95 % interval, a line each, with the figures at the right.

    A diamond is filled if the interval leaves out 0.

    Args:
        named: what is compared -> difference.
        margin: half the width of a band of equivalence around 0; no band if not given.
        xlabel: what the difference is, with its unit.

    Raises:
        ValueError: nothing to draw, or a margin that is not positive.
    """
    _check(named)
    if margin is not None and margin <= 0:
        raise ValueError(f"a margin is positive, not {margin}")
    texts = [textwrap.fill(name, NAMES) for name in named]
    high = sum(0.26 + 0.16 * (text.count("\n") + 1) for text in texts)
    fig, ax = plt.subplots(figsize=(7, high + 0.75))
    if margin is not None:
        ax.axvspan(-margin, margin, color=FAINT, alpha=0.45, linewidth=0)
    ax.axvline(0, color=INK, linewidth=0.8)
    for place, estimate in enumerate(named.values()):
        filled = PALETTE[0] if estimate.low > 0 or estimate.high < 0 else "none"
        style = dict(fmt="D", mfc=filled, capsize=4, mew=1.4)
        intervals(ax, {place: estimate}, horizontal=True, **style)
    names(ax, texts)
    _numbers(ax, list(named.values()))
    ax.set(xlabel=xlabel)
    return fig


def ratios(
    series: Mapping[str, Mapping[str, Estimate]], xlabel: str, *, bar: float = 1.0
) -> Figure:
    """Named ratios in several series, such as of several devices, around what is no difference.

    Args:
        series: name -> what is compared -> ratio; the first series has all comparisons, another
            may have some of them. One that may not be judged is drawn hollow, without intervals.
        xlabel: what is divided by what.
        bar: where a line marks no difference.

    Raises:
        ValueError: there is no series, or one without an estimate.
    """
    _check(series)
    every = list(next(iter(series.values())))
    fig, ax = plt.subplots(figsize=(7, 0.6 + 0.55 * len(every)))
    for k, (name, found) in enumerate(series.items()):
        shift = 0.22 * (k - (len(series) - 1) / 2)
        at = {every.index(what) + shift: one for what, one in found.items()}
        if any(one.unjudged for one in found.values()):
            style = dict(mfc="none", color=PALETTE[k], label=f"{name} (not judged)")
            ax.plot([one.value for one in at.values()], list(at), MARKS[k], **style)
        else:
            style = dict(fmt=MARKS[k], capsize=0, colour=PALETTE[k], label=name)
            intervals(ax, at, horizontal=True, **style)
    names(ax, every)
    ax.axvline(bar, color=INK, linewidth=0.8)
    ax.set(xlabel=xlabel)
    fig.legend(loc="outside upper center", ncols=2, fontsize=9.5)
    return fig


def _numbers(ax: Axes, estimates: list[Estimate]) -> None:
    """Write the numbers to the right of horizontal intervals."""
    right = ax.secondary_yaxis("right")
    right.set_yticks(range(len(estimates)), _texts(estimates), fontsize=9.5)
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)


def _texts(estimates: list[Estimate]) -> list[str]:
    """Values and ends with as many places as the narrowest interval needs, 1 to 4."""
    widths = [e.high - e.low for e in estimates if e.high > e.low]
    digits = min(max(1 - math.floor(math.log10(min(widths, default=1))), 1), 4)

    def text(x: float) -> str:
        return f"{x:+.{digits}f}".replace("-", "\N{MINUS SIGN}")

    return [f"{text(e.value)} [{text(e.low)}, {text(e.high)}]" for e in estimates]


def ends(estimates: Iterable[Estimate]) -> list[list[float]]:
    """Lengths of the intervals below and above the values, as error bars are given."""
    lengths = [(one.value - one.low, one.high - one.value) for one in estimates]
    return [list(side) for side in zip(*lengths, strict=True)]


def _check(named: Mapping[Any, Estimate]) -> None:
    if not named:
        raise ValueError("there is no estimate to draw")
