"""The pictures of what a reward prefers among published networks."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey.chapters.mnasnet_reward.axes import logarithmic, pixel, plain
from lwsurvey.figures.theme import INK, PALETTE

LEFT = ("search1", "search2", "A1 0.75x", "A1", "A3", "1.4x")
"""Ends of the names that stand at the left of their dots."""


def front(cloud: pd.DataFrame, best: pd.DataFrame, corners: pd.DataFrame) -> Figure:
    """The cloud, its front, and the hull whose corners a product of powers can prefer.

    Args:
        cloud: as `published.mnasnet`.
        best: `published.front` of it.
        corners: `published.preferred` of it.
    """
    fig, ax = plt.subplots(figsize=(7, 4.2))
    rest = cloud.drop(best.index)
    ax.plot(rest.latency, rest.top1, "x", color=PALETTE[6], ms=5, label="beaten by another")
    ax.plot(corners.latency, corners.top1, color=PALETTE[1], lw=1.4)
    ring = dict(mfc="none", color=PALETTE[0], ms=8, mew=1.6, ls="")
    ax.plot(best.latency, best.top1, "o", label="on the front", **ring)
    dot = dict(color=PALETTE[1], ms=5, ls="")
    ax.plot(corners.latency, corners.top1, "o", label="preferred for some w", **dot)
    pixel(ax, (16, 215))
    logarithmic(ax, "y", (59, 79), [60, 65, 70, 75])
    ax.set(ylabel="top-1 on ImageNet, %")
    for name, row in best.iterrows():
        _name(ax, str(name), row)
    ax.legend(loc="lower right", fontsize=9.5)
    return fig


def _name(ax: Axes, name: str, row: pd.Series) -> None:
    left = name.endswith(LEFT)
    side = dict(xytext=(-7, 6) if left else (8, -11), ha="right" if left else "left")
    spot = row.latency, row.top1
    ax.annotate(name.removeprefix("MnasNet-"), spot, textcoords="offset points", fontsize=9, **side)


def maps(cloud: pd.DataFrame, winners: Callable, targets: np.ndarray, w: np.ndarray) -> Figure:
    """Latency of the network that is preferred, by exponent and target, for two rewards.

    Left one exponent on both sides of the target, right none within and w beyond; hatched
    where the preferred network misses the target.

    Args:
        cloud: as `published.mnasnet`.
        winners: `published.winners`.
        targets: ms, ascending.
        w: exponents, ascending.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.9), sharey=True)
    titles = r"one exponent: $\alpha = \beta = w$", r"free within T: $\alpha = 0$, $\beta = w$"
    for ax, title, alphas in zip(axes, titles, (w, np.zeros_like(w)), strict=True):
        latency = cloud.latency.to_numpy()[winners(cloud, targets, alphas, w)]
        shown = _map(ax, -w, targets, latency)
        ax.set_title(title, fontsize=11)
    axes[0].set_ylabel("target T, ms")
    bar = fig.colorbar(shown, ax=axes, label="latency of the preferred network, ms")
    plain(bar.ax.yaxis, [20, 30, 50, 75, 100, 135])
    return fig


def _map(ax: Axes, x: np.ndarray, targets: np.ndarray, latency: np.ndarray):
    scale = dict(cmap="viridis", norm="log", vmin=20, vmax=140)
    shown = ax.pcolormesh(x, targets, latency, shading="nearest", rasterized=True, **scale)
    late = (latency > targets[:, None]).astype(float)
    if late.any():
        hatched = ax.contourf(x, targets, late, [0.5, 1.5], colors="none", hatches=["////"])
        hatched.set(edgecolor=INK, linewidth=0)
    logarithmic(ax, "x", (x.min(), x.max()), [0.03, 0.07, 0.15, 0.3, 1])
    ax.set_xlabel("$-w$")
    ax.grid(visible=False)
    return shown
