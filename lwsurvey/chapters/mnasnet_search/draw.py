"""Pictures of the table: the plane of all networks, effects, MACs, and the two spaces."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey.figures import ends
from lwsurvey.figures.theme import FAINT, INK, PALETTE
from lwsurvey.search import fronts
from lwsurvey.search.replay import Array

DOTS = dict(s=9, linewidth=0)


def plane(latency: Array, accuracy: Array, marked: dict[str, np.ndarray]) -> Figure:
    """Every network at its latency and accuracy, with the front, and some of them marked.

    Args:
        latency: seconds, shape ``(n,)``.
        accuracy: per cent, shape ``(n,)``.
        marked: name -> which networks, shape ``(n,)``; three at most.
    """
    fig, ax = plt.subplots(figsize=(7, 4.2))
    ms = 1e3 * latency
    ax.scatter(ms, accuracy, color=PALETTE[6], alpha=0.5, label="every network", **DOTS)
    stairs(ax, ms, accuracy, INK, "Pareto front")
    for (name, which), colour, mark in zip(marked.items(), PALETTE[:3], "oDs", strict=False):
        style = dict(color=colour, s=30, marker=mark, linewidth=0, zorder=3)
        ax.scatter(ms[which], accuracy[which], label=name, **style)
    ax.set(xlabel="milliseconds for a batch of 32", ylabel="test accuracy, %")
    log_ticks(ax, ms, (0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48))
    ax.legend(loc="lower right", fontsize=9.5)
    return fig


def stairs(ax: Axes, cost: Array, gain: Array, colour: str, label: str) -> None:
    """The front of some points as a line of steps, up to the dearest point."""
    on = np.flatnonzero(fronts.front(cost, gain))
    on = on[np.argsort(cost[on])]
    x, y = np.append(cost[on], cost.max()), np.append(gain[on], gain[on[-1]])
    ax.step(x, y, where="post", color=colour, linewidth=1.5, label=label)


def log_ticks(ax: Axes, values: Array, at: tuple[float, ...]) -> None:
    """A logarithmic axis below, with a tick at those numbers that lie among the values."""
    ax.set_xscale("log")
    ticks = [t for t in at if values.min() / 1.05 <= t <= values.max() * 1.05]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()


def effects(table: pd.DataFrame) -> Figure:
    """What each choice does to accuracy (left) and to time (right), by block.

    Args:
        table: as `lwsurvey.chapters.mnasnet_search.effects.main` gives it.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.4), sharey=True)
    names = list(dict.fromkeys(table.choice))
    for ax, column in zip(axes, ("accuracy", "time"), strict=True):
        for k, (block, rows) in enumerate(table.groupby("block", sort=False)):
            y = [names.index(name) + 0.22 * (k - 0.5) for name in rows.choice]
            found = list(rows[column])
            style = dict(fmt="oD"[k], color=PALETTE[k], capsize=3, markersize=5, label=block)
            ax.errorbar([e.value for e in found], y, xerr=ends(found), **style)
        ax.axvline(0, color=INK, linewidth=0.8)
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(range(len(names)), names, fontsize=10)
    axes[0].set(ylim=(len(names) - 0.5, -0.5), xlabel="accuracy, points")
    axes[1].set(xlabel="time, %")
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper right", ncols=2, fontsize=9.5)
    return fig


def macs(work: Array, latency: Array, kinds: dict[str, np.ndarray], line: Array) -> Figure:
    """Time against MACs, coloured by kind, with the curve that predicts one from the other.

    Args:
        work: MACs of one image, shape ``(n,)``.
        latency: seconds for the batch.
        kinds: name -> which networks.
        line: predicted seconds, shape ``(n,)``.
    """
    fig, ax = plt.subplots(figsize=(7, 3.9))
    for (name, which), colour in zip(kinds.items(), PALETTE, strict=False):
        x, y = work[which] / 1e3, 1e3 * latency[which]
        ax.scatter(x, y, color=colour, alpha=0.75, label=name, **DOTS)
    order = np.argsort(work)
    ax.plot(work[order] / 1e3, 1e3 * line[order], color=INK, linewidth=1.2, label="by MACs alone")
    ax.set(xlabel="thousand MACs of one image", ylabel="milliseconds for a batch of 32")
    ax.legend(fontsize=9.5, markerscale=2)
    return fig


def along(ax: Axes, frame: pd.DataFrame, column: str, colour: str, label: str | None) -> None:
    """A column against the budget: mean and the middle 95 % of the repeats."""
    by = frame.groupby("budget")[column]
    x, low, high = 1e3 * by.mean().index, by.quantile(0.025), by.quantile(0.975)
    ax.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    ax.plot(x, by.mean(), "o-", color=colour, markersize=4, label=label)


def wrong_target(frame: pd.DataFrame) -> Figure:
    """What choosing by MACs exceeds the budget by (left) and loses in accuracy (right)."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.0))
    labels = {"exceeded": "real time over budget, %", "lost": "accuracy lost, points"}
    for ax, (column, label), colour in zip(axes, labels.items(), PALETTE, strict=False):
        along(ax, frame, column, colour, None)
        ax.axhline(0, color=INK, linewidth=0.8)
        ax.set(xlabel="budget, ms", ylabel=label)
    return fig


def two_spaces(frame: pd.DataFrame) -> Figure:
    """Best accuracy within a budget, in the whole space and in the cell space."""
    fig, ax = plt.subplots(figsize=(7, 3.2))
    along(ax, frame, "whole", PALETTE[0], "blocks chosen apart")
    along(ax, frame, "cell", PALETTE[1], "one block repeated")
    ax.set(xlabel="budget, ms", ylabel="test accuracy, %")
    ax.grid(color=FAINT)
    ax.legend(loc="lower right", fontsize=9.5)
    return fig
