"""The figures of the chapter, for `lwsurvey.show.figure`."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch.nn import functional as F

from lwsurvey.chapters.mobilenet_v3.functions import PAIRS, Function
from lwsurvey.figures import FAINT, INK, PALETTE, Box, Unit, intervals, log_ticks, units
from lwsurvey.stats import Estimate

MINUS = "\N{MINUS SIGN}"
SOFT, HARD, GAP = PALETTE[0], PALETTE[1], PALETTE[2]


def nonlinearities(gaps: pd.DataFrame) -> Figure:
    """Both functions, soft and hard, above their difference, with the largest gaps marked.

    Args:
        gaps: as `functions.gaps` gives them.
    """
    x = torch.linspace(-6, 6, 601, dtype=torch.float64)
    fig, axes = plt.subplots(2, 2, figsize=(7, 4.6), sharex=True, height_ratios=(3, 2))
    for column, (name, (soft, hard)) in enumerate(PAIRS.items()):
        above, below = axes[:, column]
        above.plot(x, soft(x), color=SOFT, label=name)
        above.plot(x, hard(x), color=HARD, linestyle="--", label=f"hard-{name}")
        if name == "swish":
            above.plot(x, F.relu(x), color=INK, linewidth=0.8, linestyle=":", label="ReLU")
        above.legend(loc="upper left", fontsize=9.5)
        below.plot(x, hard(x) - soft(x), color=GAP)
        _extremes(below, gaps.loc[name], hard, soft)
    axes[1, 0].set_ylabel("hard minus soft")
    for ax in axes[1]:
        ax.set(xlabel="x", xticks=range(-6, 7, 3))
        ax.axhline(0, color=INK, linewidth=0.8)
        ax.margins(y=0.3)
    return fig


def _extremes(ax: Axes, row: pd.Series, hard: Function, soft: Function) -> None:
    for x in (-row["at"], row["at"]):
        at = torch.tensor(x, dtype=torch.float64)
        y = float(hard(at) - soft(at))
        ax.plot(x, y, "o", color=GAP, markersize=5)
        text, up = f"{y:+.3f}".replace("-", MINUS), y > 0
        ax.annotate(text, (x, y), (0, 7 if up else -7), textcoords="offset points", ha="center",
                    va="bottom" if up else "top", fontsize=9.5)  # fmt: skip


def block() -> Figure:
    """V2's block beside V3's: what stands between depthwise layer and projection."""
    expand = Box("1 × 1", "pointwise", "BN, ReLU6", 1.0)
    filter_ = Box("depthwise 3 × 3", "depthwise", "BN, ReLU6", 1.0)
    project = Box("1 × 1", "pointwise", "BN", 0.42)
    v2 = Unit("MobileNet V2", (expand, filter_, project), "narrow", "N")
    squeeze = (
        Box("mean", "other", width=1.0),
        Box("1 × 1", "squeeze-excitation", width=0.5),
        Box("1 × 1", "squeeze-excitation", width=1.0),
        Box("hard-sigmoid", "other", width=1.0),
    )
    wide = Box("1 × 1", "pointwise", "BN, NL", 1.0)
    excited = Box("depthwise\n3 × 3 or 5 × 5", "depthwise", "BN, NL", 1.0, squeeze)
    v3 = Unit("MobileNet V3", (wide, excited, project), "narrow", "N")
    return units(v2, v3)


def tails(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Both last stages as chains of boxes, with the MACs of each layer.

    Args:
        tables: ``original`` and ``efficient``, as `tables.last_stage` gives them.
    """
    return units(*(_tail(name, table) for name, table in tables.items()))


KINDS = {"depthwise 3 × 3": "depthwise", "classify": "fully connected"}
CHANNELS = {"expand to 960": 960, "depthwise 3 × 3": 960, "project to 320": 320,
            "expand to 1280": 1280, "classify": 1000}  # fmt: skip


def _tail(name: str, table: pd.DataFrame) -> Unit:
    boxes, side, width = [], 7, 160 / 1280
    for layer, row in table.iterrows():
        if row["side"] < side or (layer == "classify" and side > 1):
            boxes.append(Box("average pool", "other", "1 × 1", width))
            side = 1
        width, note = CHANNELS[layer] / 1280, f"{side} × {side}, {row['MACs'] / 1e6:.2f} M"
        boxes.append(Box(layer, KINDS.get(layer, "pointwise"), note, width))
    return Unit(name, boxes, "none", "7 × 7 × 160", width=160 / 1280)


def times(published: pd.DataFrame) -> Figure:
    """Published milliseconds, a row for each network and a mark for each phone.

    Args:
        published: as `tables.table3` gives it.
    """
    fig, ax = plt.subplots(figsize=(7, 3.9))
    places = [place + 0.6 * (place > 4) for place in range(len(published))]
    for phone, colour, mark in zip(published.columns[1:], PALETTE, "osD", strict=False):
        ax.plot(published[phone], places, mark, color=colour, markersize=6, label=phone)
    span = (published.iloc[:, 1:].agg(end, axis=1) for end in ("min", "max"))
    ax.hlines(places, *span, color=FAINT, zorder=1)
    names = [f"{network} ({top1} %)" for network, top1 in published["top-1"].items()]
    ax.set_yticks(places, names, fontsize=10)
    ax.invert_yaxis()
    log_ticks(ax, x=(12, 16, 24, 32, 48, 64, 96))
    ax.legend(loc="lower right", fontsize=9.5)
    ax.set(xlabel="milliseconds, as published")
    return fig


def ratios(found: Mapping[str, Estimate], published: Mapping[str, float]) -> Figure:
    """Measured ratios of times with intervals, and the paper's as crosses where it has one.

    Args:
        found: what is divided by what -> ratio.
        published: the paper's ratio for some of the same names.
    """
    fig, ax = plt.subplots(figsize=(7, 0.4 * len(found) + 1.0))
    intervals(ax, found, horizontal=True, zero=1, capsize=4, label="here")
    places = [place for place, name in enumerate(found) if name in published]
    printed = [published[name] for name in found if name in published]
    ax.plot(printed, places, "X", color=PALETTE[1], markersize=8, label="paper, Pixel 1")
    ax.legend(loc="upper center", bbox_to_anchor=(0.3, -0.22 - 0.4 / len(found)), ncols=2)
    ax.set(xlabel="ratio of times")
    return fig
