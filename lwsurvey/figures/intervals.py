"""Pictures of estimates with their intervals."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey.figures.theme import FAINT, INK, PALETTE
from lwsurvey.stats import Estimate

NAMES = 34
"""Letters of a name that stand in one line."""


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
        ax.errorbar(estimate.value, place, xerr=ends([estimate]), **style)
    _lines(ax, names, list(named.values()))
    ax.set(xlabel=xlabel)
    return fig


def _lines(ax: Axes, names: list[str], estimates: list[Estimate]) -> None:
    """Names at the left and figures at the right of horizontal intervals."""
    places = range(len(names))
    ax.set_yticks(places, names, fontsize=10)
    ax.grid(axis="y", visible=False)
    ax.set_ylim(len(names) - 0.5, -0.5)
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


def ends(estimates: Iterable[Estimate]) -> list[list[float]]:
    """Lengths of the intervals below and above the values, as error bars are given."""
    lengths = [(one.value - one.low, one.high - one.value) for one in estimates]
    return [list(side) for side in zip(*lengths, strict=True)]


def _check(named: Mapping[str, Estimate]) -> None:
    if not named:
        raise ValueError("there is no estimate to draw")
