"""Picture: how long counters take, in forward passes."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey import figures

DEVICES = {"meta": "without contents (meta)", "cpu": "on the processor"}


def forward_passes(race: pd.DataFrame, ours: str = "lwsurvey") -> Figure:
    """Each tool's time over the bare forward pass: interval, and range over networks.

    Args:
        race: as `peers.race` returns it; one form of each tool.
        ours: the tool that stands out.
    """
    parts = {device: part for device, part in race.groupby("device", sort=False)}
    sizes = [len(part) for part in parts.values()]
    fig, axes = plt.subplots(
        len(parts), 1, figsize=(7, 0.9 + 0.36 * sum(sizes)), sharex=True, squeeze=False,
        height_ratios=sizes,
    )  # fmt: skip
    for ax, (device, part) in zip(axes[:, 0], parts.items(), strict=True):
        _rows(ax, part.iloc[::-1], ours)
        ax.set_title(DEVICES.get(device, device), fontsize=10, loc="left")
    axes[-1, 0].set_xlabel("time of a call, in forward passes of the same network")
    _ticks(axes[-1, 0], race.smallest.min(), race.largest.max())
    return fig


def _ticks(ax: Axes, low: float, high: float) -> None:
    powers = range(math.floor(math.log2(low)), math.ceil(math.log2(high)) + 1)
    ax.set_xscale("log")
    ax.set_xticks([2.0**n for n in powers], [f"{2.0**n:g}" for n in powers])
    ax.minorticks_off()


def _rows(ax: Axes, part: pd.DataFrame, ours: str) -> None:
    colours = [figures.PALETTE[0 if tool == ours else 6] for tool in part.tool]
    ax.hlines(part.tool, part.smallest, part.largest, color=colours, lw=1.5, alpha=0.5)
    ax.hlines(part.tool, part.ratio_low, part.ratio_high, color=colours, lw=6)
    ax.scatter(part.ratio, part.tool, color=colours, s=60, zorder=3)
    ax.axvline(1, color=figures.INK, ls=":", lw=1)
    ax.grid(False, axis="y")
    ax.set_ylim(-0.6, len(part) - 0.4)
