"""The figures of the chapter; each function returns one for `lwsurvey.show.figure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from lwsurvey.chapters.mnasnet_search.tables import Layer
from lwsurvey.figures import FAINT, INK, PALETTE, intervals, log_ticks
from lwsurvey.search import fronts, space
from lwsurvey.search.replay import Array, Log
from lwsurvey.stats import Estimate

SIDE = 0.84
HEAD = 0.55
DOTS = dict(s=9, linewidth=0)
COLOURS = dict(zip(("policy gradient", "evolution", "random"), PALETTE, strict=False))


def spaces(blocks: int, layers: int, counts: dict[str, float]) -> Figure:
    """Three spaces for the same network: which layers are chosen together.

    Args:
        blocks: of the network.
        layers: of each block.
        counts: title of a space -> decades of networks; in the order cell, factorised, flat.
    """
    rules = (lambda b, n: 0, lambda b, n: b, lambda b, n: b * layers + n)
    fig, axes = plt.subplots(1, 3, figsize=(7, 3.7))
    for ax, rule, (title, decades) in zip(axes, rules, counts.items(), strict=True):
        for b in range(blocks):
            for n in range(layers):
                _box(ax, n, b, ascii_lowercase[rule(b, n)], PALETTE[rule(b, n) % len(PALETTE)])
            ax.add_patch(_outline(-0.5, b, layers))
        ax.set_title(title, fontsize=11)
        ax.text(
            (layers - 1) / 2,
            blocks - 0.25,
            f"$10^{{{decades:.1f}}}$ networks",
            ha="center",
            va="top",
        )
        ax.set(xlim=(-0.7, layers - 0.3), ylim=(blocks + 0.25, -0.6), aspect="equal")
        ax.axis("off")
    return fig


def _box(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    style = dict(boxstyle="round,pad=0,rounding_size=0.1", linewidth=0)
    corner = (x - SIDE / 2, y - SIDE / 2 + 0.06)
    ax.add_patch(FancyBboxPatch(corner, SIDE, SIDE - 0.12, facecolor=colour, **style, alpha=0.85))
    ax.text(x, y, text, ha="center", va="center", fontsize=11, color=INK)


def _outline(x: float, y: float, width: float) -> FancyBboxPatch:
    style = dict(boxstyle="round,pad=0,rounding_size=0.1", linewidth=1, edgecolor=FAINT)
    return FancyBboxPatch((x, y - 0.46), width, 0.92, facecolor="none", **style)


def strip(mnasnet: Sequence[Sequence[Layer]], cells: Sequence[tuple[str, ...]]) -> Figure:
    """The layers of MnasNet-A1 and the normal cells of NASNet, a colour for each structure.

    Args:
        mnasnet: layers of each block.
        cells: what each cell computes with.
    """
    fig, axes = plt.subplots(2, 1, figsize=(7, 2.9), height_ratios=(2.1, 1))
    structures = list(dict.fromkeys(layer.structure for block in mnasnet for layer in block))
    x = 0.0
    for number, block in enumerate(mnasnet, start=1):
        axes[0].text(x + (len(block) - 1) / 2, 0.72, f"block {number}", ha="center", fontsize=9)
        for layer in block:
            _tile(axes[0], x, str(layer), PALETTE[structures.index(layer.structure)])
            x += 1
        x += HEAD
    _frame(axes[0], x - HEAD, "MnasNet-A1: 16 searched layers in 7 blocks", 1.05)
    kinds = list(dict.fromkeys(cells))
    for place, cell in enumerate(cells):
        _tile(axes[1], place, "cell", PALETTE[len(structures) + kinds.index(cell)], 0.62)
    _frame(axes[1], len(cells), f"NASNet-A: {len(cells)} normal cells", 0.55)
    return fig


def _tile(ax: Axes, x: float, text: str, colour: str, high: float = 1.2) -> None:
    style = dict(boxstyle="round,pad=0,rounding_size=0.08", linewidth=0)
    corner = (x - 0.46, -high / 2)
    ax.add_patch(FancyBboxPatch(corner, 0.92, high, facecolor=colour, **style, alpha=0.85))
    ax.text(x, 0, text, ha="center", va="center", fontsize=8.5, color=INK, linespacing=1.1)


def _frame(ax: Axes, width: float, title: str, high: float) -> None:
    ax.set(xlim=(-0.6, max(width, 19)), ylim=(-0.75, high))
    ax.set_title(title, fontsize=10.5, loc="left")
    ax.axis("off")


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
    _stairs(ax, ms, accuracy, INK, "Pareto front")
    for (name, which), colour, mark in zip(marked.items(), PALETTE[:3], "oDs", strict=False):
        style = dict(color=colour, s=30, marker=mark, linewidth=0, zorder=3)
        ax.scatter(ms[which], accuracy[which], label=name, **style)
    ax.set(xlabel="milliseconds for a batch of 32", ylabel="test accuracy, %")
    _log_ticks(ax, ms, (0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48))
    ax.legend(loc="lower right", fontsize=9.5)
    return fig


def _stairs(ax: Axes, cost: Array, gain: Array, colour: str, label: str) -> None:
    """The front of some points as a line of steps, up to the dearest point."""
    on = np.flatnonzero(fronts.front(cost, gain))
    on = on[np.argsort(cost[on])]
    x, y = np.append(cost[on], cost.max()), np.append(gain[on], gain[on[-1]])
    ax.step(x, y, where="post", color=colour, linewidth=1.5, label=label)


def _log_ticks(ax: Axes, values: Array, at: tuple[float, ...]) -> None:
    """A logarithmic axis below, with a tick at those numbers that lie among the values."""
    log_ticks(ax, [t for t in at if values.min() / 1.05 <= t <= values.max() * 1.05])


def effects(table: pd.DataFrame) -> Figure:
    """What each choice does to accuracy (left) and to time (right), by block.

    Args:
        table: as `lwsurvey.chapters.mnasnet_search.effects.main_effects` gives it.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.4), sharey=True)
    for ax, column in zip(axes, ("accuracy", "time"), strict=True):
        for k, (block, rows) in enumerate(table.groupby("block", sort=False)):
            found = dict(zip(rows.choice, rows[column], strict=True))
            style = dict(fmt="oD"[k], colour=PALETTE[k], markersize=5, label=block)
            intervals(ax, found, horizontal=True, shift=0.22 * (k - 0.5), **style)
        ax.axvline(0, color=INK, linewidth=0.8)
    axes[0].set(xlabel="accuracy, points")
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


def _along(ax: Axes, frame: pd.DataFrame, column: str, colour: str, label: str | None) -> None:
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
        _along(ax, frame, column, colour, None)
        ax.axhline(0, color=INK, linewidth=0.8)
        ax.set(xlabel="budget, ms", ylabel=label)
    return fig


def two_spaces(frame: pd.DataFrame) -> Figure:
    """Best accuracy within a budget, in the whole space and in the cell space."""
    fig, ax = plt.subplots(figsize=(7, 3.2))
    _along(ax, frame, "whole", PALETTE[0], "blocks chosen apart")
    _along(ax, frame, "cell", PALETTE[1], "one block repeated")
    ax.set(xlabel="budget, ms", ylabel="test accuracy, %")
    ax.grid(color=FAINT)
    ax.legend(loc="lower right", fontsize=9.5)
    return fig


def curves(regrets: Mapping[str, Array], areas: Mapping[str, Mapping[int, Estimate]]) -> Figure:
    """Regret (left) and covered hypervolume (right) against evaluations, means and intervals.

    Args:
        regrets: controller -> points, shape ``(repeats, evaluations)``.
        areas: controller -> evaluations -> per cent.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.5))
    for name, one in regrets.items():
        x, mean = np.arange(1, one.shape[1] + 1), one.mean(axis=0)
        half = 1.96 * one.std(axis=0, ddof=1) / np.sqrt(len(one))
        style = dict(color=COLOURS[name], alpha=0.25, linewidth=0)
        axes[0].fill_between(x, mean - half, mean + half, **style)
        axes[0].plot(x, mean, color=COLOURS[name], label=name)
    for name, found in areas.items():
        intervals(axes[1], found, colour=COLOURS[name], fmt="o-", markersize=4)
    axes[0].axhline(0, color=INK, linewidth=0.8)
    axes[0].set(xlabel="evaluations", ylabel="regret of the pick, points")
    axes[1].set(xlabel="evaluations", ylabel="hypervolume, %")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def policy(history: Array) -> Figure:
    """The probability of the second option of each decision, along the evaluations.

    Args:
        history: means over the repeats, shape ``(evaluations, decisions)``.
    """
    fig, ax = plt.subplots(figsize=(7, 3.6))
    blend = LinearSegmentedColormap.from_list("blend", [PALETTE[1], "#9a9da1", PALETTE[0]])
    extent = (0.5, len(history) + 0.5, len(space.DECISIONS) - 0.5, -0.5)
    style = dict(cmap=blend, vmin=0, vmax=1, extent=extent, aspect="auto")
    image = ax.imshow(history.T, **style, interpolation="nearest")
    ax.set_yticks(range(len(space.DECISIONS)), second_options(), fontsize=9.5)
    ax.set(xlabel="evaluations")
    ax.grid(visible=False)
    fig.colorbar(image, ax=ax, label="probability", pad=0.02)
    return fig


def second_options() -> list[str]:
    """What the second option of each decision is called, in the order of `space.DECISIONS`."""
    words = {"operation": "inverted", "kernel": "kernel 5", "se_ratio": "SE", "skip": "skip",
             "filters": "filters × 1.25", "layers": "2 layers"}  # fmt: skip
    pairs = (name.split(", ") for name in space.DECISIONS)
    return [f"{block}: {words[dimension]}" for block, dimension in pairs]


def visits(latency: Array, accuracy: Array, logs: Mapping[str, Log], target: float) -> Figure:
    """Where searches went: how often each network was evaluated, and the front of one search.

    Args:
        latency: seconds, shape ``(n,)``.
        accuracy: per cent, shape ``(n,)``.
        logs: title -> what searches with one reward did.
        target: seconds.
    """
    fig, axes = plt.subplots(1, len(logs), figsize=(7, 3.5), sharey=True)
    ms, n = 1e3 * latency, len(latency)
    for ax, (title, log), colour in zip(axes, logs.items(), PALETTE, strict=False):
        often = np.bincount(log.networks.ravel(), minlength=n) / len(log.networks)
        ax.scatter(ms, accuracy, s=3, color=PALETTE[6], alpha=0.4, linewidth=0)
        ax.scatter(ms, accuracy, s=60 * often, color=colour, alpha=0.7, linewidth=0)
        some = np.unique(log.networks[0])
        _stairs(ax, ms[some], accuracy[some], INK, "front of one search")
        ax.axvline(1e3 * target, color=INK, linewidth=1, linestyle=":", label="target")
        ax.set_title(title, fontsize=11)
        _log_ticks(ax, ms, (0.5, 1, 2, 4, 8, 16, 32))
    fig.supxlabel("milliseconds for a batch of 32", fontsize=11)
    axes[0].set(ylabel="test accuracy, %")
    axes[0].legend(loc="lower right", fontsize=9.5)
    return fig
