"""Pictures of searches: learning curves, what a policy comes to prefer, what is visited."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from lwsurvey.chapters.mnasnet_search.draw import log_ticks, stairs
from lwsurvey.figures import ends
from lwsurvey.figures.theme import INK, PALETTE
from lwsurvey.search import space
from lwsurvey.search.replay import Array, Log
from lwsurvey.stats import Estimate

COLOURS = dict(zip(("policy gradient", "evolution", "random"), PALETTE, strict=False))


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
        values = list(found.values())
        style = dict(fmt="o-", color=COLOURS[name], markersize=4, capsize=3)
        axes[1].errorbar(list(found), [e.value for e in values], yerr=ends(values), **style)
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


def visited(latency: Array, accuracy: Array, logs: Mapping[str, Log], target: float) -> Figure:
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
        stairs(ax, ms[some], accuracy[some], INK, "front of one search")
        ax.axvline(1e3 * target, color=INK, linewidth=1, linestyle=":", label="target")
        ax.set_title(title, fontsize=11)
        log_ticks(ax, ms, (0.5, 1, 2, 4, 8, 16, 32))
    fig.supxlabel("milliseconds for a batch of 32", fontsize=11)
    axes[0].set(ylabel="test accuracy, %")
    axes[0].legend(loc="lower right", fontsize=9.5)
    return fig
