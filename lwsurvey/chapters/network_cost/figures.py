"""Figure of the chapter on whole networks: accuracy against cost."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lwsurvey.figures import INK, PALETTE, log_ticks

POINTS_PER_MILLION = 15.0  # square points of a disc for a million parameters
SMALLER = " at "  # part of the name of a network on smaller images

FAMILIES = {
    "MobileNet V3": PALETTE[2],
    "MnasNet-A1": PALETTE[5],
    "ShuffleNet V2": PALETTE[4],
    "MobileNet V2": PALETTE[1],
    "ShuffleNet V1": PALETTE[3],
    "MobileNet V1": PALETTE[0],
}
"""Families of several sizes by how the names of their networks begin."""

SIDES = {
    "SqueezeNet 1.0": (1.6, 0.4),
    "MobileNet V1 full convolution": (0, -1),
    "DenseNet-121": (-1, 0),
    "SE-ResNet-50": (-1, 0),
    "ResNet-50": (1, 0),
    "ResNeXt-50 (32x4d)": (-1, 0.5),
    "GoogLeNet": (0, -1),
    "Inception V3": (-1, 0.5),
    "Inception V4": (0.8, -1),
    "Inception-ResNet V2": (-0.7, 0.9),
    "NASNet-A large": (-1, 0.7),
    "Xception": (0, -1),
}
"""On which side of its disc a label stands (right, up) where it does not stand above."""


def accuracy_against_macs(networks: pd.DataFrame) -> Figure:
    """Discs whose area is the number of parameters; the widths of a family are joined.

    Args:
        networks: as `networks.accuracies` returns them.
    """
    fig, ax = plt.subplots(figsize=(7.4, 6.4))
    smaller = networks.index.str.contains(SMALLER)
    family = networks.index.map(_family)
    for name, colour in FAMILIES.items():
        widths = networks[(family == name) & ~smaller].sort_values("macs")
        ax.plot(widths.macs / 1e6, widths.top1, color=colour, lw=1.2, zorder=1)
        _discs(ax, widths, colour)
        small = networks[(family == name) & smaller]
        ax.scatter(small.macs / 1e6, small.top1, s=_area(small), facecolor="none", edgecolor=colour)
    _singles(ax, networks[family == ""])
    ax.set(xlabel="million MACs of one image (counted here)")
    ax.set_ylabel("top-1 accuracy in percent (as cited)")
    log_ticks(ax, [30, 100, 300, 1000, 3000, 10000, 30000])
    ax.margins(0.07)
    _keys(ax)
    return fig


def _family(name: str) -> str:
    if "full" in name:
        return ""
    return next((family for family in FAMILIES if name.startswith(family)), "")


def _area(networks: pd.DataFrame) -> pd.Series:
    return networks.parameters / 1e6 * POINTS_PER_MILLION


def _discs(ax: Axes, networks: pd.DataFrame, colour: str) -> None:
    widest_first = networks.sort_values("parameters", ascending=False)
    ax.scatter(
        widest_first.macs / 1e6, widest_first.top1, s=_area(widest_first), color=colour,
        alpha=0.75, edgecolor=INK, lw=0.4,
    )  # fmt: skip


def _singles(ax: Axes, networks: pd.DataFrame) -> None:
    _discs(ax, networks, PALETTE[6])
    reach = np.sqrt(_area(networks)) / 2
    for name, row in networks.iterrows():
        right, up = SIDES.get(name, (0, 1))
        place = right * (reach[name] + 4), up * (reach[name] + 8)
        label = name.removeprefix("MobileNet ")
        side = "center" if not right else "right" if right < 0 else "left"
        ax.annotate(
            label, (row.macs / 1e6, row.top1), place, textcoords="offset points", fontsize=9,
            va="center", ha=side,
        )  # fmt: skip


def _keys(ax: Axes) -> None:
    families = [
        Line2D([], [], color=colour, marker="o", label=name) for name, colour in FAMILIES.items()
    ]
    ring = {"ls": "", "marker": "o", "mfc": "none", "mec": FAMILIES["MobileNet V1"]}
    families.append(Line2D([], [], **ring, label="V1, smaller images"))
    first = ax.legend(handles=families, loc="upper left", fontsize=9)
    ax.add_artist(first)
    grey = {"color": PALETTE[6], "ls": "", "marker": "o", "mew": 0}
    sizes = [
        Line2D([], [], **grey, label=f"{n} million", ms=np.sqrt(n * POINTS_PER_MILLION))
        for n in (1, 10, 100)
    ]
    ax.legend(
        handles=sizes, loc="lower right", fontsize=9, labelspacing=1.8, borderpad=1,
        title="parameters", title_fontsize=9, handletextpad=2.2,
    )  # fmt: skip
