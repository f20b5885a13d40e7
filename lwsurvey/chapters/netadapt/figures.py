"""The figures of the chapter; each function returns one for `lwsurvey.show.figure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey.chapters.netadapt import tables
from lwsurvey.figures import FAINT, INK, PALETTE

KEPT, CUT = PALETTE[0], PALETTE[1]


def schedules(kinds: Mapping[str, tuple[float, float]], count: int, wanted: float) -> Figure:
    """Resource that schedules leave at most, against iterations, in per cent of the seed's.

    Args:
        kinds: name -> first step over the seed's resource, decay; 6 at most.
        count: iterations.
        wanted: a budget in per cent, dashed.
    """
    fig, ax = plt.subplots(figsize=(7, 3.3))
    x = np.arange(count + 1)
    for colour, (name, (first, decay)) in zip(PALETTE, kinds.items(), strict=False):
        left = 100 * (1 - np.cumsum([0, *tables.steps(first, decay, count)]))
        ax.plot(x, np.maximum(left, 0), color=colour, linewidth=1.8, label=name)
    ax.axhline(wanted, color=INK, linewidth=0.9, linestyle="--")
    ax.annotate("budget", (count, wanted), (0, 3), textcoords="offset points",
                ha="right", fontsize=10)  # fmt: skip
    ax.set(xlabel="iterations", ylabel="left at most, %", xlim=(0, count), ylim=(0, 102))
    ax.legend(fontsize=9.5, loc="upper right")
    return fig


def steps(
    widths: pd.DataFrame, latency: pd.DataFrame, accuracy: pd.DataFrame
) -> Figure:  # fmt: skip
    """A run from top to bottom: each layer's filters as a band, latency and accuracy beside it.

    Args:
        widths: filters, one row a step (the first is the seed network), one column a layer.
        latency: columns ``table`` and ``whole``, per cent of the seed network's.
        accuracy: columns ``cut`` and ``tuned``, per cent on held-out images; NaN at step 0 of
            ``cut``.
    """
    fig, (left, middle, right) = plt.subplots(
        1, 3, figsize=(7, 0.62 * len(widths) + 1.5), sharey=True,
        gridspec_kw={"width_ratios": (3.2, 1, 1)},
    )  # fmt: skip
    _bands(left, widths)
    _pair(middle, latency, "latency, %")
    _pair(right, accuracy, "accuracy, %")
    left.set_yticks(range(len(widths)), ["seed", *range(1, len(widths))])
    left.set(ylabel="step", ylim=(len(widths) - 0.3, -0.75))
    return fig


def _bands(ax: Axes, widths: pd.DataFrame) -> None:
    """Bands around one vertical line a layer, as wide as the layer; a cut has its colour."""
    half = widths / widths.to_numpy().max() / 2 * 0.9
    for place, layer in enumerate(widths):
        _number(ax, place, -0.5, widths[layer].iloc[0])
        for step in range(len(widths)):
            now, before = half[layer].iloc[step], half[layer].iloc[max(step - 1, 0)]
            ax.barh(step, 2 * now, 0.68, place - now, color=KEPT, linewidth=0)
            if before > now:
                for left in (place - before, place + now):
                    ax.barh(step, before - now, 0.68, left, color=CUT, linewidth=0)
                _number(ax, place, step + 0.5, widths[layer].iloc[step])
    ax.set_xticks(range(widths.shape[1]), list(widths), fontsize=9)
    ax.grid(visible=False)
    ax.set_xlim(-0.55, widths.shape[1] - 0.45)
    ax.set_xlabel("layer, as wide as its filters", fontsize=10)


def _number(ax: Axes, x: float, y: float, filters: int) -> None:
    """A number of filters, between two bars."""
    ax.text(x, y, f"{filters}", ha="center", va="center", fontsize=8.5, color=INK)


def _pair(ax: Axes, frame: pd.DataFrame, label: str) -> None:
    for name, colour, mark in zip(frame, (CUT, KEPT), "Do", strict=True):
        ax.plot(frame[name], range(len(frame)), mark + "-", color=colour, markersize=4.5,
                linewidth=1, label=name)  # fmt: skip
    ax.set_xlabel(label, fontsize=10)
    ax.legend(fontsize=9, loc="lower left", bbox_to_anchor=(-0.1, 1), handlelength=1.2)


def prediction(frame: pd.DataFrame, margin: float) -> Figure:
    """What the table says against what the whole network takes.

    Args:
        frame: columns ``estimate`` and ``measured``, in seconds.
        margin: half-width of the band around equality, as a share.
    """
    fig, ax = plt.subplots(figsize=(7, 3.8))
    ms = 1e3 * frame
    ends = np.array([0, 1.08 * ms[["estimate", "measured"]].to_numpy().max()])
    ax.fill_between(ends, ends * (1 - margin), ends * (1 + margin), color=FAINT, alpha=0.45, lw=0)
    ax.plot(ends, ends, color=INK, linewidth=0.9)
    ax.scatter(ms["estimate"], ms["measured"], s=24, color=KEPT, lw=0, zorder=3)
    low = 0.9 * ms[["estimate", "measured"]].to_numpy().min()
    ax.set(xlabel="sum of table entries, ms", ylabel="whole network, ms")
    ax.set(xlim=(low, ends[1]), ylim=(low, ends[1]))
    return fig


def work_and_time(frame: pd.DataFrame, pair: Sequence[int]) -> Figure:
    """MACs against estimated latency of random networks; a pair of equal MACs is ringed.

    Args:
        frame: columns ``MACs`` and ``latency`` (seconds), one row a network.
        pair: rows of two networks of nearly equal MACs.
    """
    fig, ax = plt.subplots(figsize=(7, 3.6))
    ax.scatter(frame["MACs"] / 1e3, 1e3 * frame["latency"], s=11, color=KEPT, alpha=0.6, lw=0)
    chosen = frame.iloc[list(pair)]
    ax.scatter(chosen["MACs"] / 1e3, 1e3 * chosen["latency"], s=90, facecolor="none",
               edgecolor=CUT, linewidth=1.8)  # fmt: skip
    ax.set(xlabel="thousand MACs an image", ylabel="latency by the table, ms")
    return fig


def filters_kept(kept: Mapping[str, pd.DataFrame]) -> Figure:
    """Share of its filters that each layer keeps: a line for each way, thin ones for each seed.

    Args:
        kept: way -> filters over those of the seed network, per cent; one row a seed, one
            column a layer.
    """
    fig, ax = plt.subplots(figsize=(7, 3.4))
    for colour, (name, frame) in zip(PALETTE, kept.items(), strict=False):
        for _, row in frame.iterrows():
            ax.plot(range(len(row)), row, color=colour, linewidth=0.7, alpha=0.45)
        ax.plot(range(frame.shape[1]), frame.mean(), "o-", color=colour, linewidth=2, label=name)
    ax.set_xticks(range(frame.shape[1]), list(frame))
    ax.set(ylabel="filters kept, %", ylim=(0, 105))
    ax.legend(fontsize=9.5, loc="lower left")
    return fig
