"""Axes that the pictures of this chapter share."""

from __future__ import annotations

import re
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, ScalarFormatter

MILLISECONDS = (20, 30, 50, 75, 100, 150, 200)


def logarithmic(ax: Axes, axis: str, limits: tuple[float, float], ticks: Sequence[float]) -> None:
    """Give an axis a logarithmic scale with plain numbers at the ticks and nowhere else.

    Args:
        ax: to be changed.
        axis: ``x`` or ``y``.
        limits: of the axis.
        ticks: where numbers stand.
    """
    getattr(ax, f"set_{axis}scale")("log")
    getattr(ax, f"set_{axis}lim")(*limits)
    plain(getattr(ax, f"{axis}axis"), ticks)


def plain(axis: Axis, ticks: Sequence[float]) -> None:
    """Plain numbers at these ticks of a logarithmic axis, and no others."""
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(ScalarFormatter())
    axis.set_minor_formatter(NullFormatter())


def minus(text: str) -> str:
    """The text with typographic minus signs, as the ticks have them, before its digits."""
    return re.sub(r"-(?=\d)", "\N{MINUS SIGN}", text)


def pixel(ax: Axes, limits: tuple[float, float]) -> None:
    """The latencies of the published networks along x."""
    logarithmic(ax, "x", limits, MILLISECONDS)
    ax.tick_params(axis="x", labelsize=9.5)
    ax.set_xlabel("latency on a Pixel 1, ms")
