"""The pictures of the chapter; each returns a figure for `lwsurvey.show.figure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lwsurvey.chapters.shufflenet_v1 import graph
from lwsurvey.chapters.shufflenet_v1.permutation import shuffle_order
from lwsurvey.figures import ends
from lwsurvey.figures.theme import INK, PALETTE
from lwsurvey.stats import Estimate

OUTPUTS = 0.13
"""Side of the squares that show what an output hears of."""


def wiring(channels: int, groups: int) -> Figure:
    """Two grouped layers without and with a shuffle between them, channels as dots.

    Dots and edges have the colour of the group of the inputs that they carry; beside each
    output stand the colours of the groups of inputs that it hears of.

    Args:
        channels: of each layer.
        groups: of each layer, 7 at most.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.9), gridspec_kw={"width_ratios": (3, 4)})
    for ax, order in zip(axes, (None, shuffle_order(channels, groups)), strict=True):
        _network(ax, channels, groups, order)
    axes[0].set_title("two grouped layers", fontsize=11)
    axes[1].set_title("with a shuffle between them", fontsize=11)
    return fig


def _network(ax: plt.Axes, channels: int, groups: int, order: Sequence[int] | None) -> None:
    layer = graph.grouped(channels, channels, groups)
    steps = [("grouped", layer)]
    steps += [("shuffle", graph.permuted(order))] if order else []
    steps += [("grouped", layer)]
    home = np.arange(channels) * groups // channels
    carried, edges = home, layer
    for x, (name, step) in enumerate(steps):
        _edges(ax, x, step, carried)
        ax.scatter([x] * channels, -np.arange(channels), s=26, color=_colours(carried), zorder=3)
        ax.text(x + 0.5, 0.75, name, ha="center", va="bottom", fontsize=9.5)
        edges = step @ edges if x else edges
        carried = carried[order] if name == "shuffle" else carried
    _heard(ax, len(steps), edges, home, groups)
    ax.set(xlim=(-0.15, len(steps) + 0.25 + OUTPUTS * groups), ylim=(-channels + 0.4, 1.5))
    ax.axis("off")


def _colours(group: np.ndarray) -> list[str]:
    return [PALETTE[g] for g in group]


def _edges(ax: plt.Axes, x: int, step, carried: np.ndarray) -> None:
    for target, source in zip(*step.nonzero(), strict=True):
        ends = ([x, x + 1], [-source, -target])
        ax.plot(*ends, color=PALETTE[carried[source]], linewidth=1, alpha=0.7, zorder=1)


def _heard(ax: plt.Axes, x: int, edges, home: np.ndarray, groups: int) -> None:
    ax.scatter([x] * len(home), -np.arange(len(home)), s=26, color=INK, zorder=3)
    for output, row in enumerate(edges.toarray()):
        for group in np.unique(home[row != 0]):
            corner = (x + 0.12 + OUTPUTS * group, -output - 0.3)
            ax.add_patch(Rectangle(corner, OUTPUTS, 0.6, color=PALETTE[group], linewidth=0))


def shares_after(channels: int, groups: Sequence[int], layers: int) -> Figure:
    """Share of the inputs that an output hears of, against the number of grouped layers.

    Args:
        channels: of each layer.
        groups: a line with and one without shuffle for each, 6 at most.
        layers: how many at most.
    """
    fig, ax = plt.subplots(figsize=(7, 3.3))
    steps = np.arange(1, layers + 1)
    for g, colour in zip(groups, PALETTE, strict=False):
        on, off = (100 * np.array(graph.shares(channels, g, layers, s)) for s in (True, False))
        ax.plot(steps, off, color=colour, linewidth=1.2, linestyle=":")
        ax.plot(steps, on, color=colour, marker="o", markersize=4, label=f"g = {g}")
    ax.plot([], [], color=INK, linewidth=1.2, linestyle=":", label="no shuffle")
    ax.set(xlabel="grouped layers", ylabel="inputs heard of, %", ylim=(0, 105), xticks=steps)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 0.5), fontsize=9.5)
    return fig


def by_groups(
    summaries: Mapping[str, Mapping[int, Estimate]], others: Mapping[str, Estimate]
) -> Figure:
    """Accuracy against groups, a line for each state of the shuffle, means and 95 % intervals.

    Args:
        summaries: state -> groups -> accuracy in per cent.
        others: name of a further arm -> accuracy, drawn to the right.
    """
    fig, ax = plt.subplots(figsize=(7, 3.6))
    ticks = list(dict.fromkeys(g for arm in summaries.values() for g in arm))
    for k, (name, arm) in enumerate(summaries.items()):
        x = [ticks.index(g) + 0.12 * (k - 0.5) for g in arm]
        _bars(ax, x, list(arm.values()), PALETTE[k], "o-", name)
    for k, (name, one) in enumerate(others.items(), start=len(summaries)):
        _bars(ax, [len(ticks) + k - len(summaries)], [one], PALETTE[k], "D", name)
    labels = [f"g = {g}" for g in ticks] + [name.replace(" ", "\n", 1) for name in others]
    ax.set_xticks(range(len(labels)), labels, fontsize=10)
    ax.set(ylabel="test accuracy, %")
    handles, _ = ax.get_legend_handles_labels()
    ax.legend(handles[: len(summaries)], list(summaries))
    return fig


def _bars(ax: plt.Axes, x: Sequence[float], arm: Sequence[Estimate], colour, mark, name) -> None:
    value = [e.value for e in arm]
    style = dict(fmt=mark, color=colour, capsize=3, linewidth=1.2, label=name)
    ax.errorbar(x, value, yerr=ends(arm), **style)


def time_shares(ours: Mapping[str, Estimate], paper: pd.Series, limit: float) -> Figure:
    """Share of the time that the shuffle takes: ours with intervals, the paper's as crosses.

    Args:
        ours: what was timed -> share in per cent.
        paper: share in per cent by platform, of the whole network V1.
        limit: the bar of the claims, dashed.
    """
    fig, ax = plt.subplots(figsize=(7, 0.4 * (len(ours) + len(paper)) + 1.1))
    for place, estimate in enumerate(ours.values()):
        ax.errorbar(
            estimate.value, place, xerr=ends([estimate]), fmt="o", color=PALETTE[0], capsize=4
        )
    places = range(len(ours), len(ours) + len(paper))
    ax.plot(paper, places, "X", color=PALETTE[1], markersize=8)
    ax.axvline(limit, color=INK, linewidth=0.9, linestyle="--")
    ax.axvline(0, color=INK, linewidth=0.8)
    names = [*ours, *(f"paper: V1 network, {platform}" for platform in paper.index)]
    ax.set_yticks(range(len(names)), names, fontsize=10)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="share of the time that the shuffle takes, %")
    return fig
