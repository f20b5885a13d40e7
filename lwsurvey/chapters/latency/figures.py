"""Figures of the chapter on time: the roofline, time against MACs, and what else decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from lwsurvey.figures import FAINT, INK, PALETTE, intervals, log_ticks
from lwsurvey.latency.roofline.machine import Roofs
from lwsurvey.stats import Estimate

KINDS = {
    "dense": ("dense 3×3", PALETTE[2], "s"),
    "pointwise": ("pointwise", PALETTE[0], "o"),
    "depthwise": ("depthwise 3×3", PALETTE[1], "D"),
}
OTHER = ("other", PALETTE[3], "^")

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

SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
"""Directions from a dot to its name (right, up), in the order of preference."""
REACHES = (8, 15, 24, 36)  # points from the dot
DOT = 6  # pixels that a dot keeps free around it
GAP = 3  # pixels between two names


def roofline(layers: pd.DataFrame, roofs: Roofs) -> Figure:
    """Speed of layers against their arithmetic intensity, under the two roofs.

    Args:
        layers: as `jobs.rates` returns them; names begin with the kind.
        roofs: limits of the machine.
    """
    fig, ax = plt.subplots(figsize=(7, 5))
    x = np.geomspace(layers.intensity.min() / 1.6, layers.intensity.max() * 1.8, 200)
    for where, line, bandwidth in (("a cache", "-", roofs.cache), ("memory", "--", roofs.memory)):
        y = [roofs.attainable(intensity, bandwidth.value) for intensity in x]
        ax.plot(x, y, color=INK, ls=line, lw=1.4, label=f"limit, tensors in {where}", zorder=1)
    for kind, look in KINDS.items():
        _dots(ax, layers[layers.index.str.startswith(kind)], *look)
    _dots(ax, layers[~layers.index.str.startswith(tuple(KINDS))], *OTHER)
    ax.set(xscale="log", yscale="log", xlabel="MACs per byte", ylabel="GMAC/s")
    ax.set_ylim(layers.rate.min() / 1.6, roofs.peak.value * 2.2)
    x, y = (0.1, 0.3, 1, 3, 10, 30, 100), (1, 3, 10, 30, 100, 300, 1000, 10000)
    log_ticks(ax, x, y, inside=True)
    ax.legend(loc="lower right", fontsize=9.5)
    return fig


def _dots(ax: Axes, part: pd.DataFrame, label: str, colour: str, marker: str) -> None:
    ends = [part.rate - part.rate_low, part.rate_high - part.rate]
    ax.errorbar(
        part.intensity, part.rate, yerr=ends, fmt=marker, color=colour, ms=6.5, lw=1.2,
        label=label, zorder=2, mec=INK, mew=0.4,
    )  # fmt: skip


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


def speed_ups(
    blocks: Sequence[str], theory: Sequence[float], measured: Mapping[str, Sequence[Estimate]]
) -> Figure:
    """Speed-up of the separable over the dense block, block by block, beside the MAC ratio.

    Args:
        blocks: their names, in order.
        theory: ratio of the MACs of each.
        measured: name of a setting -> estimates, one for each block.
    """
    fig, ax = plt.subplots(figsize=(7, 4.6))
    places = range(len(blocks))
    ax.plot(places, theory, "_", color=INK, ms=30, mew=2, label="ratio of the MACs")
    for k, (name, estimates) in enumerate(measured.items()):
        shift = (k - (len(measured) - 1) / 2) * 0.24
        look = dict(colour=PALETTE[k], fmt="oDs"[k], label=name, capsize=2)
        intervals(ax, dict(enumerate(estimates)), shift=shift, **look)
    ax.axhline(1, color=INK, lw=0.8, ls=":")
    ax.set(yscale="log", ylabel="times quicker than dense")
    # Room for the legend above the ratios of the MACs.
    ax.set_ylim(top=max(4.5 * max(theory), ax.get_ylim()[1]))
    ax.set_xticks(places, blocks, rotation=40, ha="right", fontsize=9)
    log_ticks(ax, y=(0.5, 1, 2, 4, 8, 16, 32, 64), inside=True)
    ax.grid(False, axis="x")
    ax.legend(loc="upper left", fontsize=9.5)
    return fig


def networks(measured: pd.DataFrame) -> Figure:
    """Time against MACs with names; lines of equal time per MAC.

    Args:
        measured: as `jobs.rates` returns it, indexed by names of networks.
    """
    fig, ax = plt.subplots(figsize=(7.4, 5.4))
    x, y = measured.macs / 1e6, measured.seconds * 1e3
    ends = [y - measured.low * 1e3, measured.high * 1e3 - y]
    ax.errorbar(x, y, yerr=ends, fmt="o", ms=6)
    ax.set(xlabel="million MACs of one image", ylabel="milliseconds")
    ax.set_xlim(x.min() / 1.5, x.max() * 1.7)
    ax.set_ylim(y.min() / 1.6, y.max() * 1.8)
    steps = [s * 10.0**p for p in range(-2, 6) for s in (1, 3)]
    log_ticks(ax, steps, steps, inside=True)
    ax.grid(False)
    lines = _speeds(ax, measured)
    dots = {LABELS.get(name, name): (x[name], y[name]) for name in measured.index}
    place_names(ax, dots, lines)
    return fig


def _speeds(ax: Axes, measured: pd.DataFrame) -> list[Annotation]:
    """Lines of constant GMAC/s, each with its speed where it leaves the picture."""
    (left, right), (_, top) = ax.get_xlim(), ax.get_ylim()
    slowest, quickest = np.log2([measured.rate.min(), measured.rate.max()])
    texts = []
    for rate in 2.0 ** np.arange(np.floor(slowest), np.ceil(quickest) + 1):
        ax.plot([left, right], [left / rate, right / rate], color=FAINT, lw=1, zorder=0)
        end = min(right, top * rate)
        text = "GMAC/s: " * (not texts) + f"{rate:g}"
        spot = {"ha": "right", "va": "top" if end < right else "bottom", "fontsize": 8.5}
        texts.append(
            ax.annotate(text, (end, end / rate), (-9, -3), textcoords="offset points", **spot)
        )
    return texts


def place_names(
    ax: Axes, dots: Mapping[str, tuple[float, float]], taken: Sequence[Annotation] = ()
) -> None:
    """Write each name near its dot, where it covers no dot, no other name, and no border.

    Call it when limits and scales are final. A name for which no place is free stands where
    it covers least.

    Args:
        ax: where the dots are.
        dots: name to position in data coordinates.
        taken: texts that are there already.
    """
    ax.figure.draw_without_rendering()
    centres = ax.transData.transform(list(dots.values()))
    used = [Bbox.from_extents(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in centres]
    used += [text.get_window_extent() for text in taken]
    for name, xy in dots.items():
        best = _best(ax, name, xy, used)
        used += [_words(best).padded(GAP), *_line(ax, xy, _words(best))]


def _line(ax: Axes, xy: tuple[float, float], words: Bbox) -> list[Bbox]:
    """Small boxes along the way from a dot to its name, so that no other name stands on it."""
    x, y = ax.transData.transform(xy)
    end = (words.x0 + words.x1) / 2, (words.y0 + words.y1) / 2
    ways = [(x + t * (end[0] - x), y + t * (end[1] - y)) for t in np.linspace(0, 1, 12)]
    return [Bbox.from_extents(a - 1, b - 1, a + 1, b + 1) for a, b in ways]


def _best(ax: Axes, name: str, xy: tuple[float, float], used: Sequence[Bbox]) -> Annotation:
    """The first place that covers nothing, or the one that covers least."""
    tried: dict[Annotation, float] = {}
    for reach, side in product(REACHES, SIDES):
        text = _write(ax, name, xy, side, reach)
        tried[text] = _covered(ax, text, used)
        if not tried[text]:
            break
    best = min(tried, key=tried.get)
    for text in tried:
        if text is not best:
            text.remove()
    return best


def _write(ax: Axes, name: str, xy: tuple, side: tuple[int, int], reach: int) -> Annotation:
    right, up = side
    ha = {1: "left", 0: "center", -1: "right"}[right]
    va = {1: "bottom", 0: "center", -1: "top"}[up]
    away = reach if 0 in side else 0.6 * reach
    line = {"arrowstyle": "-", "lw": 0.6, "color": INK, "shrinkB": 3}
    return ax.annotate(
        name, xy, (right * away, up * away), textcoords="offset points", fontsize=9, ha=ha, va=va,
        arrowprops=line if reach > REACHES[0] else None,
    )  # fmt: skip


def _covered(ax: Axes, text: Annotation, used: Sequence[Bbox]) -> float:
    """Area of what the text would cover, or of the text itself where it leaves the axes."""
    own = _words(text)
    shared = [Bbox.intersection(own, other) for other in used]
    outside = own.width * own.height - _area(Bbox.intersection(own, ax.bbox))
    return sum(map(_area, shared)) + outside


def _words(text: Annotation) -> Bbox:
    """The box of the words alone: a line to the dot would always cover the dot."""
    text.get_window_extent()  # moves the words to their place
    return Text.get_window_extent(text)


def _area(box: Bbox | None) -> float:
    return 0.0 if box is None else abs(box.width * box.height)


def random_networks(macs: np.ndarray, seconds: np.ndarray, pair: tuple[int, int]) -> Figure:
    """Time against MACs of random networks, and two of equal MACs and unequal time.

    Args:
        macs: of each network.
        seconds: of each network.
        pair: indices of the quicker and of the slower of the two.
    """
    fig, ax = plt.subplots(figsize=(6.4, 4))
    ax.plot(macs / 1e6, seconds * 1e3, "o", alpha=0.6, ms=6, mew=0)
    two = list(pair)
    ax.plot(macs[two] / 1e6, seconds[two] * 1e3, "o-", color=PALETTE[1], ms=8)
    ax.set(xlabel="million MACs of one image", ylabel="milliseconds")
    ax.set_ylim(0)
    return fig


def settings(table: pd.DataFrame) -> Figure:
    """Milliseconds an image of MobileNet V1 and of its dense twin in each setting.

    Args:
        table: as `experiment.compare_settings` returns it.
    """
    names = table["where"] + ", batch " + table.batch.astype(str) + ", " + table.layout
    fig, ax = plt.subplots(figsize=(7, 0.42 * len(table) + 1.4))
    places = np.arange(len(table))[::-1]
    ax.hlines(places, table.separable, table.dense, color=FAINT, lw=2, zorder=0)
    ax.plot(table.dense, places, "s", color=PALETTE[2], label="dense twin", ms=8)
    ax.plot(table.separable, places, "o", color=PALETTE[0], label="MobileNet V1", ms=8)
    for place, row in zip(places, table.itertuples(), strict=True):
        middle = np.sqrt(row.separable * row.dense)
        text = f"×{row.dense / row.separable:.1f}"
        ax.annotate(
            text, (middle, place), (0, 4), textcoords="offset points", ha="center", fontsize=9
        )
    ax.set(xscale="log", xlabel="milliseconds an image")
    ax.set_yticks(places, names, fontsize=9.5)
    ticks = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
    log_ticks(ax, ticks, inside=True)
    ax.grid(False, axis="y")
    ax.set_ylim(-0.6, len(table) - 0.3)
    fig.legend(loc="outside lower center", ncols=2, fontsize=9.5)
    return fig
