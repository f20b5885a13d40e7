"""Pictures of estimates with their intervals."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey.plots import FAINT, INK, PALETTE
from lwsurvey.stats import Estimate

NAMES = 34
"""Letters of a name that stand in one line."""

WORDS = 88
"""Letters that fit side by side below an axis."""


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
    names = [textwrap.fill(name, NAMES) for name in named]
    high = sum(0.26 + 0.16 * (name.count("\n") + 1) for name in names)
    fig, ax = plt.subplots(figsize=(7, high + 0.75))
    if margin is not None:
        ax.axvspan(-margin, margin, color=FAINT, alpha=0.45, linewidth=0)
    ax.axvline(0, color=INK, linewidth=0.8)
    for place, estimate in enumerate(named.values()):
        filled = PALETTE[0] if estimate.low > 0 or estimate.high < 0 else "none"
        style = dict(fmt="D", color=PALETTE[0], mfc=filled, capsize=4, mew=1.4)
        ax.errorbar(estimate.value, place, xerr=_ends(estimate), **style)
    _lines(ax, names, list(named.values()))
    ax.set(xlabel=xlabel)
    return fig


def _lines(ax: Axes, names: list[str], estimates: list[Estimate]) -> None:
    """Names at the left and figures at the right of horizontal intervals."""
    places, ends = range(len(names)), (len(names) - 0.5, -0.5)
    ax.set_yticks(places, names, fontsize=10)
    ax.grid(axis="y", visible=False)
    ax.set_ylim(ends)
    right = ax.secondary_yaxis("right")
    right.set_yticks(places, _texts(estimates), fontsize=9.5)
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)


def _texts(estimates: list[Estimate]) -> list[str]:
    """Values and ends with as many places as the narrowest interval needs, 1 to 4."""
    widths = [e.high - e.low for e in estimates if e.high > e.low]
    digits = min(max(1 - math.floor(math.log10(min(widths, default=1))), 1), 4)

    def text(x: float) -> str:
        return f"{x:+.{digits}f}".replace("-", "\N{MINUS SIGN}")

    return [f"{text(e.value)} [{text(e.low)}, {text(e.high)}]" for e in estimates]


def arms(estimates: Mapping[str, Estimate], ylabel: str = "test accuracy, %") -> Figure:
    """One mean with its 95 % interval for each arm, side by side.

    Args:
        estimates: arm -> what was measured.
        ylabel: what that is, with its unit.

    Raises:
        ValueError: nothing to draw.
    """
    _check(estimates)
    room = max(WORDS // len(estimates), 8)
    names = [textwrap.fill(name, room, break_long_words=False) for name in estimates]
    tilted = max(len(word) for name in names for word in name.split("\n")) > room
    fig, ax = plt.subplots(figsize=(7, 3.5))
    for place, estimate in enumerate(estimates.values()):
        style = dict(fmt="o", color=PALETTE[0], capsize=4, linewidth=1.4)
        ax.errorbar(place, estimate.value, yerr=_ends(estimate), **style)
    turn = dict(rotation=30, ha="right", rotation_mode="anchor") if tilted else {}
    labels = list(estimates) if tilted else names
    ax.set_xticks(range(len(names)), labels, fontsize=9.5, **turn)
    ax.set(ylabel=ylabel, xlim=(-0.5, len(names) - 0.5))
    ax.grid(axis="x", visible=False)
    return fig


def _ends(estimate: Estimate) -> list[list[float]]:
    return [[estimate.value - estimate.low], [estimate.high - estimate.value]]


def _check(named: Mapping[str, Estimate]) -> None:
    if not named:
        raise ValueError("there is no estimate to draw")
