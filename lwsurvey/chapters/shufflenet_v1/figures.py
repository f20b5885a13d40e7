"""The figures of the chapter, for `lwsurvey.show.figure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lwsurvey.chapters.shufflenet_v1 import wiring
from lwsurvey.chapters.shufflenet_v1.networks import GROUPS, RANDOM
from lwsurvey.figures import INK, PALETTE, Box, Unit, intervals, names, units
from lwsurvey.stats import Estimate

OUTPUTS = 0.13
"""Side of the squares that show what an output hears of."""

NARROW = 0.72
"""Drawn width of the unit's middle; to scale it would be a quarter."""


def shuffle_wiring(channels: int, groups: int) -> Figure:
    """Two grouped layers without and with a shuffle between them, channels as dots.

    Dots and edges have the colour of the group of the inputs that they carry; beside each
    output stand the colours of the groups of inputs that it hears of.

    Args:
        channels: of each layer.
        groups: of each layer, 7 at most.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.9), gridspec_kw={"width_ratios": (3, 4)})
    for ax, order in zip(axes, (None, wiring.shuffle_order(channels, groups)), strict=True):
        _network(ax, channels, groups, order)
    axes[0].set_title("two grouped layers", fontsize=11)
    axes[1].set_title("with a shuffle between them", fontsize=11)
    return fig


def _network(ax: plt.Axes, channels: int, groups: int, order: Sequence[int] | None) -> None:
    layer = wiring.grouped_edges(channels, channels, groups)
    steps = [("grouped", layer)]
    steps += [("shuffle", wiring.permutation_edges(order))] if order else []
    steps += [("grouped", layer)]
    home = np.arange(channels) * groups // channels
    carried, edges = home, layer
    for x, (name, step) in enumerate(steps):
        _edges(ax, x, step, carried)
        colours = [PALETTE[g] for g in carried]
        ax.scatter([x] * channels, -np.arange(channels), s=26, color=colours, zorder=3)
        ax.text(x + 0.5, 0.75, name, ha="center", va="bottom", fontsize=9.5)
        edges = wiring.follow(step, edges) if x else edges
        carried = carried[order] if name == "shuffle" else carried
    _heard(ax, len(steps), edges, home)
    ax.set(xlim=(-0.15, len(steps) + 0.25 + OUTPUTS * groups), ylim=(-channels + 0.4, 1.5))
    ax.axis("off")


def _edges(ax: plt.Axes, x: int, step: wiring.Edges, carried: np.ndarray) -> None:
    for target, source in zip(*step.nonzero(), strict=True):
        ends = ([x, x + 1], [-source, -target])
        ax.plot(*ends, color=PALETTE[carried[source]], linewidth=1, alpha=0.7, zorder=1)


def _heard(ax: plt.Axes, x: int, edges: wiring.Edges, home: np.ndarray) -> None:
    ax.scatter([x] * len(home), -np.arange(len(home)), s=26, color=INK, zorder=3)
    for output, row in enumerate(edges):
        for group in np.unique(home[row]):
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
        on, off = (100 * np.array(wiring.shares(channels, g, layers, s)) for s in (True, False))
        ax.plot(steps, off, color=colour, linewidth=1.2, linestyle=":")
        ax.plot(steps, on, color=colour, marker="o", markersize=4, label=f"g = {g}")
    ax.plot([], [], color=INK, linewidth=1.2, linestyle=":", label="no shuffle")
    ax.set(xlabel="grouped layers", ylabel="inputs heard of, %", ylim=(0, 105), xticks=steps)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 0.5), fontsize=9.5)
    return fig


def by_groups(accuracy: Mapping[str, Estimate]) -> Figure:
    """Accuracy against groups, a line for each state of the shuffle, means and 95 % intervals.

    Args:
        accuracy: of each of `networks.variants`, in per cent; to the right stand those without
            a place among the groups.
    """
    fig, ax = plt.subplots(figsize=(7, 3.6))
    others = {"random order": accuracy[f"{RANDOM} random"], "MobileNetV2": accuracy["MobileNetV2"]}
    for k, state in enumerate(("on", "off")):
        line = {
            i: accuracy[f"{g} {state}"] for i, g in enumerate(GROUPS) if f"{g} {state}" in accuracy
        }
        style = dict(fmt="o-", linewidth=1.2, label=f"shuffle {state}")
        intervals(ax, line, shift=0.12 * (k - 0.5), colour=PALETTE[k], **style)
    for k, one in enumerate(others.values()):
        style = dict(fmt="D", linewidth=1.2)
        intervals(ax, {len(GROUPS) + k: one}, colour=PALETTE[2 + k], **style)
    labels = [f"g = {g}" for g in GROUPS] + [name.replace(" ", "\n", 1) for name in others]
    ax.set_xticks(range(len(labels)), labels, fontsize=10)
    ax.set(ylabel="test accuracy, %")
    ax.legend()
    return fig


def time_shares(ours: Mapping[str, Estimate], paper: pd.Series, limit: float) -> Figure:
    """Share of the time that the shuffle takes: ours with intervals, the paper's as crosses.

    Args:
        ours: what was timed -> share in per cent.
        paper: share in per cent by platform, of the whole network V1.
        limit: the bar of the claims, dashed.
    """
    fig, ax = plt.subplots(figsize=(7, 0.4 * (len(ours) + len(paper)) + 1.1))
    intervals(ax, ours, horizontal=True, zero=0, capsize=4)
    places = range(len(ours), len(ours) + len(paper))
    ax.plot(paper, places, "X", color=PALETTE[1], markersize=8)
    ax.axvline(limit, color=INK, linewidth=0.9, linestyle="--")
    names(ax, [*ours, *(f"paper: V1 network, {platform}" for platform in paper.index)])
    ax.set(xlabel="share of the time that the shuffle takes, %")
    return fig


def unit_diagram() -> Figure:
    """Both units side by side, as in figure 2 (b) and (c) of Zhang et al. 2018."""
    pool = Box("3 × 3 average\npool, stride 2", "other", "N", 0.7)
    same = Unit("stride 1", _boxes(1), "ends", "N = M", leaves="ReLU · M")
    down = Unit("stride 2", _boxes(2), "ends", "N", "concat", (pool,), "ReLU · M")
    return units(same, down)


def _boxes(stride: int) -> tuple[Box, ...]:
    out = "M" if stride == 1 else "$M - N$"
    return (
        Box("1 × 1, g groups", "pointwise", "BN, ReLU · M / 4", NARROW),
        Box("channel shuffle", "order", "M / 4", NARROW),
        Box("3 × 3 depthwise" + ("\nstride 2" if stride == 2 else ""), "depthwise", "BN", NARROW),
        Box("1 × 1, g groups", "pointwise", f"BN · {out}"),
    )
