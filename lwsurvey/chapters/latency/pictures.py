"""Pictures of the chapter on time: the roofline, and time against MACs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey import figures
from lwsurvey.latency.roofline.machine import Roofs

KINDS = {
    "dense": ("dense 3×3", figures.PALETTE[2], "s"),
    "pointwise": ("pointwise", figures.PALETTE[0], "o"),
    "depthwise": ("depthwise 3×3", figures.PALETTE[1], "D"),
}
OTHER = ("other", figures.PALETTE[3], "^")


def roofline(layers: pd.DataFrame, roofs: Roofs) -> Figure:
    """Speed of layers against their arithmetic intensity, under the two roofs.

    Args:
        layers: as `jobs.rates` returns them; names begin with the kind.
        roofs: of the machine.
    """
    fig, ax = plt.subplots(figsize=(7, 5))
    x = np.geomspace(layers.intensity.min() / 1.6, layers.intensity.max() * 1.8, 200)
    _roof(ax, x, roofs, roofs.cache.value, "-", "tensors in a cache")
    _roof(ax, x, roofs, roofs.memory.value, "--", "tensors in memory")
    shown = set()
    for kind, look in {**KINDS, None: OTHER}.items():
        names = layers.index.str.startswith(tuple(KINDS) if kind is None else kind)
        part = layers[~names if kind is None else names]
        shown |= set(part.index)
        _dots(ax, part, *look)
    ax.set(xscale="log", yscale="log", xlabel="MACs per byte", ylabel="GMAC/s")
    ax.set_ylim(layers.rate.min() / 1.6, roofs.peak.value * 2.2)
    _plain(ax, (0.1, 0.3, 1, 3, 10, 30, 100), (1, 3, 10, 30, 100, 300, 1000, 10000))
    ax.legend(loc="lower right", fontsize=9.5)
    return fig


def _roof(ax: Axes, x: np.ndarray, roofs: Roofs, bandwidth: float, line: str, label: str) -> None:
    y = [roofs.attainable(intensity, bandwidth) for intensity in x]
    ax.plot(x, y, color=figures.INK, ls=line, lw=1.4, label=f"limit, {label}", zorder=1)


def _dots(ax: Axes, part: pd.DataFrame, label: str, colour: str, marker: str) -> None:
    ends = [part.rate - part.rate_low, part.rate_high - part.rate]
    ax.errorbar(
        part.intensity, part.rate, yerr=ends, fmt=marker, color=colour, ms=6.5, lw=1.2,
        label=label, zorder=2, mec=figures.INK, mew=0.4,
    )  # fmt: skip


def _plain(ax: Axes, x: Sequence[float], y: Sequence[float]) -> None:
    """Ticks in plain numbers, those of them that lie inside the picture."""
    for axis, ticks, (low, high) in ((ax.xaxis, x, ax.get_xlim()), (ax.yaxis, y, ax.get_ylim())):
        inside = [tick for tick in ticks if low <= tick <= high]
        axis.set_ticks(inside, [f"{tick:,g}" for tick in inside])
    ax.minorticks_off()


def bandwidths(triads: pd.DataFrame) -> Figure:
    """Bandwidth of triads against the size of their tensors.

    Args:
        triads: as `jobs.rates` returns them.
    """
    fig, ax = plt.subplots(figsize=(7, 2.9))
    mebibytes = triads.bytes / 2**20
    low, high = triads.bytes / triads.high / 1e9, triads.bytes / triads.low / 1e9
    ends = [triads.bandwidth - low, high - triads.bandwidth]
    ax.errorbar(mebibytes, triads.bandwidth, yerr=ends, fmt="o-", capsize=3)
    ax.set(xscale="log", xlabel="MiB of the three tensors together", ylabel="GB/s")
    ax.set_ylim(0)
    ax.set_xticks(mebibytes, [f"{size:.2g}" if size < 1 else f"{size:.0f}" for size in mebibytes])
    ax.minorticks_off()
    return fig


def speed_ups(blocks: Sequence[str], theory: Sequence[float], measured: Mapping) -> Figure:
    """Speed-up of the separable over the dense block, block by block, beside the MAC ratio.

    Args:
        blocks: their names, in order.
        theory: ratio of the MACs of each.
        measured: name of a setting to a list of estimates, one for each block.
    """
    fig, ax = plt.subplots(figsize=(7, 4.6))
    places = np.arange(len(blocks))
    ax.plot(places, theory, "_", color=figures.INK, ms=30, mew=2, label="ratio of the MACs")
    for k, (name, estimates) in enumerate(measured.items()):
        shift = (k - (len(measured) - 1) / 2) * 0.24
        values = np.array([e.value for e in estimates])
        ends = [values - [e.low for e in estimates], [e.high for e in estimates] - values]
        ax.errorbar(places + shift, values, yerr=ends, fmt="oDs"[k], label=name, capsize=2)
    ax.axhline(1, color=figures.INK, lw=0.8, ls=":")
    ax.set(yscale="log", ylabel="times quicker than dense")
    # Room for the legend above the ratios of the MACs.
    ax.set_ylim(top=max(4.5 * max(theory), ax.get_ylim()[1]))
    ax.set_xticks(places, blocks, rotation=40, ha="right", fontsize=9)
    _plain_y(ax, (0.5, 1, 2, 4, 8, 16, 32, 64))
    ax.grid(False, axis="x")
    ax.legend(loc="upper left", fontsize=9.5)
    return fig


def _plain_y(ax: Axes, ticks: Sequence[float]) -> None:
    low, high = ax.get_ylim()
    inside = [tick for tick in ticks if low <= tick <= high]
    ax.set_yticks(inside, [f"{tick:g}" for tick in inside])
    ax.minorticks_off()
