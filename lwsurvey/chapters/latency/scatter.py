"""Pictures of the chapter on time: networks, and what else decides."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from lwsurvey import figures
from lwsurvey.chapters.latency import labels

LABELS = {
    "mobilenet_v1 dense": "V1's dense twin", "mobilenet_v1": "MobileNet V1",
    "mobilenet_v2": "MobileNet V2", "mobilenet_v3_large": "V3-Large",
    "mobilenet_v3_small": "V3-Small", "shufflenet_v2_x0_5": "ShuffleNet V2 0.5",
    "shufflenet_v2_x1_0": "ShuffleNet V2", "mnasnet1_0": "MnasNet",
    "efficientnet_b0": "EfficientNet-B0", "regnet_x_400mf": "RegNetX", "regnet_y_400mf": "RegNetY",
    "resnet18": "ResNet-18", "resnet50": "ResNet-50", "resnext50_32x4d": "ResNeXt-50",
    "densenet121": "DenseNet-121", "googlenet": "GoogLeNet", "alexnet": "AlexNet",
    "squeezenet1_0": "SqueezeNet", "squeezenet1_1": "SqueezeNet 1.1",
}  # fmt: skip


def networks(measured: pd.DataFrame) -> Figure:
    """Time against MACs with names; lines of equal time per MAC.

    Args:
        measured: as `jobs.rates` returns it, indexed by names of networks.
    """
    fig, ax = plt.subplots(figsize=(7.4, 5.4))
    x, y = measured.macs / 1e6, measured.seconds * 1e3
    ends = [y - measured.low * 1e3, measured.high * 1e3 - y]
    ax.errorbar(x, y, yerr=ends, fmt="o", ms=6)
    ax.set(xscale="log", yscale="log", xlabel="million MACs of one image", ylabel="milliseconds")
    ax.set_xlim(x.min() / 1.5, x.max() * 1.7)
    ax.set_ylim(y.min() / 1.6, y.max() * 1.8)
    _ticks(ax)
    lines = _speeds(ax, measured)
    dots = {LABELS.get(name, name): (x[name], y[name]) for name in measured.index}
    labels.place(ax, dots, lines)
    return fig


def _speeds(ax: Axes, measured: pd.DataFrame) -> list[Annotation]:
    """Lines of constant GMAC/s, each with its speed where it leaves the picture."""
    (left, right), (_, top) = ax.get_xlim(), ax.get_ylim()
    slowest, quickest = np.log2([measured.rate.min(), measured.rate.max()])
    texts = []
    for rate in 2.0 ** np.arange(np.floor(slowest), np.ceil(quickest) + 1):
        ax.plot([left, right], [left / rate, right / rate], color=figures.FAINT, lw=1, zorder=0)
        end = min(right, top * rate)
        text = "GMAC/s: " * (not texts) + f"{rate:g}"
        spot = {"ha": "right", "va": "top" if end < right else "bottom", "fontsize": 8.5}
        texts.append(
            ax.annotate(text, (end, end / rate), (-9, -3), textcoords="offset points", **spot)
        )
    return texts


def _ticks(ax: Axes) -> None:
    steps = [s * 10.0**p for p in range(-2, 6) for s in (1, 3)]
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        inside = [tick for tick in steps if low <= tick <= high]
        axis.set_ticks(inside, [f"{tick:,g}" for tick in inside])
    ax.minorticks_off()
    ax.grid(False)


def random_networks(macs: np.ndarray, seconds: np.ndarray, pair: tuple[int, int]) -> Figure:
    """Time against MACs of random networks, and two of equal MACs and unequal time.

    Args:
        macs: of each.
        seconds: of each.
        pair: indices of the quicker and of the slower of the two.
    """
    fig, ax = plt.subplots(figsize=(6.4, 4))
    ax.plot(macs / 1e6, seconds * 1e3, "o", alpha=0.6, ms=6, mew=0)
    two = list(pair)
    ax.plot(macs[two] / 1e6, seconds[two] * 1e3, "o-", color=figures.PALETTE[1], ms=8)
    ax.set(xlabel="million MACs of one image", ylabel="milliseconds")
    ax.set_ylim(0)
    return fig


def settings(table: pd.DataFrame) -> Figure:
    """Milliseconds an image of MobileNet V1 and of its dense twin in each setting.

    Args:
        table: as `knobs.settings_table` returns it, of all settings.
    """
    names = table["where"] + ", batch " + table.batch.astype(str) + ", " + table.layout
    fig, ax = plt.subplots(figsize=(7, 0.42 * len(table) + 1.4))
    places = np.arange(len(table))[::-1]
    ax.hlines(places, table.separable, table.dense, color=figures.FAINT, lw=2, zorder=0)
    ax.plot(table.dense, places, "s", color=figures.PALETTE[2], label="dense twin", ms=8)
    ax.plot(table.separable, places, "o", color=figures.PALETTE[0], label="MobileNet V1", ms=8)
    for place, row in zip(places, table.itertuples(), strict=True):
        middle = np.sqrt(row.separable * row.dense)
        text = f"×{row.dense / row.separable:.1f}"
        ax.annotate(
            text, (middle, place), (0, 4), textcoords="offset points", ha="center", fontsize=9
        )
    ax.set(xscale="log", xlabel="milliseconds an image")
    ax.set_yticks(places, names, fontsize=9.5)
    low, high = ax.get_xlim()
    ticks = [
        t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low < t < high
    ]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.grid(False, axis="y")
    ax.set_ylim(-0.6, len(table) - 0.3)
    fig.legend(loc="outside lower center", ncols=2, fontsize=9.5)
    return fig
