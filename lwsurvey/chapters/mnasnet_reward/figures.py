"""The figures of the chapter; each function returns one for `lwsurvey.show.figure`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from lwsurvey.chapters.mnasnet_reward.tradeoff import SIZES
from lwsurvey.figures import FAINT, INK, PALETTE, log_ticks
from lwsurvey.search.reward import HARD, SOFT, exponent, reward

SMALL = (-0.15, -0.15)
"""MobileNet V3-Small's exponents."""

MILLISECONDS = (20, 30, 50, 75, 100, 150, 200)

LEFT = ("search1", "search2", "A1 0.75x", "A1", "A3", "1.4x")
"""Ends of the names that stand at the left of their dots."""

NAMES = {"V3-Small": (-30, -24), "V3-Large": (58, 27)}
"""From the dots to their names, points."""


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
        ax.annotate(_minus(name), spot, (6, up), textcoords="offset points", color=colour,
                    fontsize=10)  # fmt: skip
    ax.axvline(target, color=INK, lw=0.9, ls=":")
    ax.annotate(f"T = {target:g} ms", (target, ax.get_ylim()[0]), (5, 6),
                textcoords="offset points", fontsize=10)  # fmt: skip
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
        ax.annotate(_minus(f"{exponent(gain):.4f}"), (100 * gain, exponent(gain)), (7, 3),
                    textcoords="offset points", fontsize=10)  # fmt: skip
    ax.set(xlabel="accuracy for a doubling, %", ylabel="exponent w")
    below.set(xlabel="accuracy for a doubling, %", ylabel="change of w per point")
    below.set_ylim(-0.0155, -0.0115)
    return fig


def indifference(cloud: pd.DataFrame, target: float, names: Sequence[str]) -> Figure:
    """Curves of equal reward over latency and accuracy, soft and hard, with the networks.

    Args:
        cloud: as `tables.mnasnet`.
        target: ms.
        names: of the networks to be named; the curve through the best one is drawn bold.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.7), sharey=True)
    for ax, (title, pair) in zip(axes, {"soft": SOFT, "hard": HARD}.items(), strict=True):
        for level in np.arange(50, 95, 2.5):
            _through(ax, level, target, pair, color=FAINT, lw=1)
        paid = reward(cloud.top1, cloud.latency, target, *pair)
        _through(ax, paid.max(), target, pair)
        ax.plot(cloud.latency, cloud.top1, "o", color=INK, ms=4)
        best = cloud.loc[paid.idxmax()]
        ax.plot(best.latency, best.top1, "o", color=PALETTE[1], ms=9, zorder=5)
        ax.axvline(target, color=INK, lw=0.9, ls=":")
        ax.set_title(_minus(f"{title}: {pair[0]:g} and {pair[1]:g}"), fontsize=11)
        _pixel(ax, (18, 210))
        for name in names:
            _name_found(ax, name, cloud.loc[name])
    axes[0].set(ylabel="top-1 on ImageNet, %", ylim=(58, 80))
    return fig


def _through(ax: Axes, level: float, target: float, pair: tuple, **style) -> None:
    """The accuracies that have one reward."""
    latency = np.geomspace(15, 230, 400)
    style = {"color": PALETTE[1], "lw": 2} | style
    ax.plot(latency, level / reward(1.0, latency, target, *pair), **style)


def _name_found(ax: Axes, name: str, row: pd.Series) -> None:
    short = name.removeprefix("MnasNet-")
    side = {"A3": (4, 5), "A1": (-6, 6)}.get(short, (5, -11))
    ax.annotate(short, (row.latency, row.top1), side, textcoords="offset points", fontsize=9,
                ha="right" if side[0] < 0 else "left")  # fmt: skip


def front(cloud: pd.DataFrame, best: pd.DataFrame, corners: pd.DataFrame) -> Figure:
    """The cloud, its front, and the hull whose corners a product of powers can prefer.

    Args:
        cloud: as `tables.mnasnet`.
        best: `preferences.front` of it.
        corners: `preferences.hull` of it.
    """
    fig, ax = plt.subplots(figsize=(7, 4.2))
    rest = cloud.drop(best.index)
    ax.plot(rest.latency, rest.top1, "x", color=PALETTE[6], ms=5, label="beaten by another")
    ax.plot(corners.latency, corners.top1, color=PALETTE[1], lw=1.4)
    ring = dict(mfc="none", color=PALETTE[0], ms=8, mew=1.6, ls="")
    ax.plot(best.latency, best.top1, "o", label="on the front", **ring)
    dot = dict(color=PALETTE[1], ms=5, ls="")
    ax.plot(corners.latency, corners.top1, "o", label="preferred for some w", **dot)
    _pixel(ax, (16, 215))
    log_ticks(ax, y=(60, 65, 70, 75))
    ax.set(ylabel="top-1 on ImageNet, %", ylim=(59, 79))
    for name, row in best.iterrows():
        _name_best(ax, str(name), row)
    ax.legend(loc="lower right", fontsize=9.5)
    return fig


def _name_best(ax: Axes, name: str, row: pd.Series) -> None:
    left = name.endswith(LEFT)
    side = dict(xytext=(-7, 6) if left else (8, -11), ha="right" if left else "left")
    spot = row.latency, row.top1
    ax.annotate(name.removeprefix("MnasNet-"), spot, textcoords="offset points", fontsize=9, **side)


def maps(cloud: pd.DataFrame, winners: Callable, targets: np.ndarray, w: np.ndarray) -> Figure:
    """Latency of the network that is preferred, by exponent and target, for two rewards.

    Left one exponent on both sides of the target, right none within and w beyond; hatched
    where the preferred network misses the target.

    Args:
        cloud: as `tables.mnasnet`.
        winners: `preferences.winners`.
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
    ticks = (20, 30, 50, 75, 100, 135)
    bar.set_ticks(ticks, labels=map(str, ticks))
    bar.minorticks_off()
    return fig


def _map(ax: Axes, x: np.ndarray, targets: np.ndarray, latency: np.ndarray):
    scale = dict(cmap="viridis", norm="log", vmin=20, vmax=140)
    shown = ax.pcolormesh(x, targets, latency, shading="nearest", rasterized=True, **scale)
    late = (latency > targets[:, None]).astype(float)
    if late.any():
        hatched = ax.contourf(x, targets, late, [0.5, 1.5], colors="none", hatches=["////"])
        hatched.set(edgecolor=INK, linewidth=0)
    log_ticks(ax, (0.03, 0.07, 0.15, 0.3, 1))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.set(xlabel="$-w$", xlim=(x.min(), x.max()))
    ax.grid(visible=False)
    return shown


def elasticities(steps: pd.DataFrame, phones: pd.DataFrame, middles: Mapping[str, float]) -> Figure:
    """Elasticity along A1's widths at each resolution, V3's two sizes, and the two exponents.

    Args:
        steps: as `tradeoff.a1_elasticities`.
        phones: as `tradeoff.by_phone`, of which the final Pixel 1 row is drawn.
        middles: latency of each V3 size between its two widths, ms.
    """
    fig, ax = plt.subplots(figsize=(7, 4.0))
    sides = sorted(steps.input.unique())
    for side, alpha in zip(sides, np.linspace(0.5, 1, len(sides)), strict=True):
        one = steps[steps.input == side]
        ax.plot(one.latency, one.elasticity, "o-", color=PALETTE[0], alpha=alpha, ms=5, lw=1.4)
        ax.annotate(str(side), (one.latency.iloc[-1], one.elasticity.iloc[-1]), (5, -4),
                    textcoords="offset points", fontsize=9, color=PALETTE[0])  # fmt: skip
    row = phones.query("phone == 'Pixel 1' and version == 'final'").iloc[0]
    for size in SIZES:
        ax.plot(middles[size], row[size], "D", color=PALETTE[1], ms=8)
        ax.annotate(size, (middles[size], row[size]), NAMES[size], textcoords="offset points",
                    fontsize=10, color=PALETTE[1], ha="center",
                    arrowprops={"arrowstyle": "-", "lw": 0.8, "color": PALETTE[1]})  # fmt: skip
    for w in (exponent(0.05), -0.15):
        ax.axhline(-w, color=INK, lw=1, ls="--")
        ax.annotate(f"$-w$ = {-w:.2f}", (160, -w), (0, 4), textcoords="offset points", ha="right",
                    fontsize=10)  # fmt: skip
    log_ticks(ax, (7, 10, 20, 30, 50, 75, 100, 150), (0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5))
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.set(xlabel="latency on a Pixel 1, ms", xlim=(5.5, 165))
    ax.set(ylabel="elasticity of accuracy", ylim=(0.035, 0.75))
    return fig


def search_table(cloud: pd.DataFrame, chosen: pd.DataFrame, claimed: float = 5.0) -> Figure:
    """Test accuracy over latency in the search table, the front, its fit, and the claimed gain.

    Args:
        cloud: all networks; columns ``latency`` (s) and ``test`` (per cent).
        chosen: those on the front, fastest first, with the same columns.
        claimed: relative gain for a doubling, per cent, through the fit's middle.
    """
    fig, ax = plt.subplots(figsize=(7, 3.8))
    ax.plot(1e3 * cloud.latency, cloud.test, ".", color=PALETTE[6], ms=2.5, alpha=0.55)
    ax.plot(1e3 * chosen.latency, chosen.test, "o", color=PALETTE[0], ms=6)
    x, y = np.log(chosen.latency), np.log(chosen.test)
    slope, height = np.polyfit(x, y, 1)
    line = np.linspace(x.min(), x.max(), 50)
    ax.plot(1e3 * np.exp(line), np.exp(height + slope * line), color=PALETTE[0], lw=2)
    steep = -exponent(claimed / 100)
    middle = y.mean() + steep * (line - x.mean())
    ax.plot(1e3 * np.exp(line), np.exp(middle), color=PALETTE[1], lw=2, ls="--")
    ax.annotate(f"{claimed:g} % a doubling", (1e3 * np.exp(line[-1]), np.exp(middle[-1])), (4, 0),
                textcoords="offset points", color=PALETTE[1], fontsize=10, va="center")  # fmt: skip
    low, high = 1e3 * cloud.latency.min(), 1e3 * cloud.latency.max()
    log_ticks(ax, [t for t in (1, 2, 3, 5, 7, 10, 15, 20, 30, 50) if low < t < high])
    ax.set_xlim(0.95 * low, 1.05 * high)
    ax.set(xlabel="measured latency, ms for 32 images", ylabel="test accuracy, %")
    return fig


def _pixel(ax: Axes, limits: tuple[float, float]) -> None:
    """The latencies of the published networks along x."""
    log_ticks(ax, x=MILLISECONDS)
    ax.set_xlim(*limits)
    ax.tick_params(axis="x", labelsize=9.5)
    ax.set_xlabel("latency on a Pixel 1, ms")


def _minus(text: str) -> str:
    """The text with typographic minus signs, as the ticks have them, before its digits."""
    return re.sub(r"-(?=\d)", "\N{MINUS SIGN}", text)
