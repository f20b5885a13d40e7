"""The figures of the chapter; each function returns one for `lwsurvey.show.figure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from lwsurvey.chapters.mnasnet_reward.experiment import winners
from lwsurvey.figures import FAINT, INK, PALETTE, log_ticks
from lwsurvey.search.reward import HARD, SOFT, reward
from lwsurvey.stats import Estimate


def indifference(cloud: pd.DataFrame, target: float, names: Sequence[str]) -> Figure:
    """Curves of equal reward over latency and accuracy, soft and hard, with the networks.

    Args:
        cloud: as `tables.mnasnet`.
        target: ms.
        names: of the networks to be named; the curve through the best one is bold.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.7), sharey=True)
    at = np.geomspace(15, 230, 400)
    for ax, (title, pair) in zip(axes, {"soft": SOFT, "hard": HARD}.items(), strict=True):
        unit, paid = (
            reward(1.0, at, target, *pair),
            reward(cloud.top1, cloud.latency, target, *pair),
        )
        for level in np.arange(50, 95, 2.5):
            ax.plot(at, level / unit, color=FAINT, lw=1)
        ax.plot(at, paid.max() / unit, color=PALETTE[1], lw=2)
        ax.plot(cloud.latency, cloud.top1, "o", color=INK, ms=4)
        best = cloud.loc[paid.idxmax()]
        ax.plot(best.latency, best.top1, "o", color=PALETTE[1], ms=9, zorder=5)
        ax.axvline(target, color=INK, lw=0.9, ls=":")
        ax.set_title(
            f"{title}: {pair[0]:g} and {pair[1]:g}".replace("-", "\N{MINUS SIGN}"), size=11
        )
        log_ticks(ax, x=(20, 30, 50, 75, 100, 150, 200))
        ax.set(xlabel="latency on a Pixel 1, ms", xlim=(18, 210))
        ax.tick_params(axis="x", labelsize=9.5)
        for name, side in zip(names, ((-6, 6), (5, -11), (4, 5)), strict=True):
            spot, right = cloud.loc[name, ["latency", "top1"]], "right" if side[0] < 0 else "left"
            ax.annotate(name[-2:], spot, side, textcoords="offset points", fontsize=9, ha=right)
    axes[0].set(ylabel="top-1 on ImageNet, %", ylim=(58, 80))
    return fig


def maps(cloud: pd.DataFrame, targets: np.ndarray, w: np.ndarray) -> Figure:
    """Latency of the network that is preferred, by exponent and target, for two rewards.

    Left one exponent on both sides of the target, right none within and w beyond; hatched
    where the preferred network misses the target.

    Args:
        cloud: as `tables.mnasnet`.
        targets: ms, ascending.
        w: exponents, ascending.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.9), sharey=True)
    titles = r"one exponent: $\alpha = \beta = w$", r"free within T: $\alpha = 0$, $\beta = w$"
    for ax, title, alphas in zip(axes, titles, (w, np.zeros_like(w)), strict=True):
        latency = cloud.latency.to_numpy()[winners(cloud, targets, alphas, w)]
        colour = dict(cmap="viridis", norm="log", vmin=20, vmax=140)
        shown = ax.pcolormesh(-w, targets, latency, shading="nearest", rasterized=True, **colour)
        if (late := latency > targets[:, None]).any():
            hatch = dict(colors="none", hatches=["////"])
            ax.contourf(-w, targets, late, [0.5, 1.5], **hatch).set(edgecolor=INK, linewidth=0)
        log_ticks(ax, (0.03, 0.07, 0.15, 0.3, 1))
        ax.xaxis.set_major_formatter(ScalarFormatter())
        ax.set(xlabel="$-w$", xlim=(-w.max(), -w.min()), title=title)
        ax.title.set_size(11)
        ax.grid(visible=False)
    axes[0].set_ylabel("target T, ms")
    bar = fig.colorbar(shown, ax=axes, label="latency of the preferred network, ms")
    bar.set_ticks(ticks := (20, 30, 50, 75, 100, 135), labels=map(str, ticks))
    bar.minorticks_off()
    return fig


def gains(
    ax: Axes, curve: Mapping[float, Estimate], claimed: Mapping[str, float], name: str
) -> None:
    """The gain for a doubling along the latency with its interval, and gains that were assumed.

    Args:
        ax: axes to draw on.
        curve: latency -> gain, per cent.
        claimed: name -> gain, per cent.
        name: of the curve.
    """
    edges = zip(*((one.low, one.high) for one in curve.values()), strict=True)
    ax.fill_between(list(curve), *edges, color=PALETTE[1], alpha=0.2, lw=0)
    ax.plot(list(curve), [one.value for one in curve.values()], color=PALETTE[1], lw=2, label=name)
    for text, height in claimed.items():
        ax.axhline(height, color=INK, lw=1, ls="--")
        ax.annotate(text, (0.01, height), (0, 3), ax.get_yaxis_transform(),
                    textcoords="offset points", fontsize=9.5)  # fmt: skip
    ax.set_ylabel("gain for a doubling, %")
