"""The pictures of rewards; each returns a figure for `lwsurvey.show.figure`."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey.chapters.mnasnet_reward.axes import minus, pixel
from lwsurvey.figures.theme import FAINT, INK, PALETTE
from lwsurvey.search.reward import HARD, SOFT, exponent, reward

SMALL = (-0.15, -0.15)
"""MobileNet V3-Small's exponents."""


def shapes(accuracy: float = 0.5, target: float = 80.0) -> Figure:
    """The reward of one accuracy over the latency, for soft, softer and hard (paper, figure 3).

    Args:
        accuracy: share.
        target: ms.
    """
    fig, ax = plt.subplots(figsize=(7, 3.3))
    latency = np.linspace(5, 2.5 * target, 800)
    named = {"hard: 0 and -1": (HARD, 120, 6), "soft: -0.07": (SOFT, 140, 9)}
    named["V3-Small: -0.15"] = (SMALL, 12, 9)
    for colour, (name, (pair, at, up)) in zip(PALETTE, named.items(), strict=False):
        ax.plot(latency, reward(accuracy, latency, target, *pair), color=colour, lw=2)
        spot = at, reward(accuracy, at, target, *pair)
        ax.annotate(minus(name), spot, (6, up), textcoords="offset points", color=colour,
                    fontsize=10)  # fmt: skip
    _target(ax, target)
    ax.set(xlabel="latency, ms", ylabel="reward", ylim=(0.15, 0.78), xlim=(0, 2.5 * target))
    return fig


def sensitivity(gains: Sequence[float]) -> Figure:
    """The exponent by the gain of accuracy that is assumed for a doubling, and its slope.

    Args:
        gains: relative, to be marked.
    """
    fig, (ax, below) = plt.subplots(1, 2, figsize=(7, 3.0))
    x = np.linspace(0.01, 0.15, 200)
    ax.plot(100 * x, exponent(x), color=PALETTE[0], lw=2)
    below.plot(100 * x, -0.01 / ((1 + x) * np.log(2)), color=PALETTE[0], lw=2)
    for gain in gains:
        ax.plot(100 * gain, exponent(gain), "o", color=PALETTE[1], ms=7)
        ax.annotate(minus(f"{exponent(gain):.4f}"), (100 * gain, exponent(gain)), (7, 3),
                    textcoords="offset points", fontsize=10)  # fmt: skip
    ax.set(xlabel="accuracy for a doubling, %", ylabel="exponent w")
    below.set(xlabel="accuracy for a doubling, %", ylabel="change of w per point")
    below.set_ylim(-0.0155, -0.0115)
    return fig


def indifference(cloud: pd.DataFrame, target: float, names: Sequence[str]) -> Figure:
    """Curves of equal reward over latency and accuracy, soft and hard, with the networks.

    Args:
        cloud: as `published.mnasnet`.
        target: ms.
        names: of the networks to be named; the curve through the best one is drawn bold.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.7), sharey=True)
    for ax, (title, pair) in zip(axes, {"soft": SOFT, "hard": HARD}.items(), strict=True):
        _curves(ax, target, pair)
        paid = reward(cloud.top1, cloud.latency, target, *pair)
        _through(ax, paid.max(), target, pair)
        ax.plot(cloud.latency, cloud.top1, "o", color=INK, ms=4)
        best = cloud.loc[paid.idxmax()]
        ax.plot(best.latency, best.top1, "o", color=PALETTE[1], ms=9, zorder=5)
        ax.axvline(target, color=INK, lw=0.9, ls=":")
        ax.set_title(minus(f"{title}: {pair[0]:g} and {pair[1]:g}"), fontsize=11)
        pixel(ax, (18, 210))
        for name in names:
            _name(ax, name, cloud.loc[name])
    axes[0].set(ylabel="top-1 on ImageNet, %", ylim=(58, 80))
    return fig


def _curves(ax: Axes, target: float, pair: tuple[float, float]) -> None:
    for level in np.arange(50, 95, 2.5):
        _through(ax, level, target, pair, color=FAINT, lw=1)


def _through(ax: Axes, level: float, target: float, pair: tuple, **style) -> None:
    """The accuracies that have one reward."""
    latency = np.geomspace(15, 230, 400)
    style = {"color": PALETTE[1], "lw": 2} | style
    ax.plot(latency, level / reward(1.0, latency, target, *pair), **style)


def _name(ax: Axes, name: str, row: pd.Series) -> None:
    short = name.removeprefix("MnasNet-")
    side = {"A3": (4, 5), "A1": (-6, 6)}.get(short, (5, -11))
    ax.annotate(short, (row.latency, row.top1), side, textcoords="offset points", fontsize=9,
                ha="right" if side[0] < 0 else "left")  # fmt: skip


def _target(ax: Axes, target: float) -> None:
    ax.axvline(target, color=INK, lw=0.9, ls=":")
    ax.annotate(f"T = {target:g} ms", (target, ax.get_ylim()[0]), (5, 6),
                textcoords="offset points", fontsize=10)  # fmt: skip
