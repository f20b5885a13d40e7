"""The pictures of what latency buys, among published networks and in the search table."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lwsurvey.chapters.mnasnet_reward.axes import logarithmic
from lwsurvey.chapters.mnasnet_reward.tradeoff import SIZES
from lwsurvey.figures.theme import INK, PALETTE
from lwsurvey.search.reward import exponent

NAMES = {"V3-Small": (-30, -24), "V3-Large": (58, 27)}
"""From the dots to their names, points."""


def elasticities(steps: pd.DataFrame, phones: pd.DataFrame, middles: Mapping[str, float]) -> Figure:
    """Elasticity along A1's widths at each resolution, V3's two sizes, and the two exponents.

    Args:
        steps: as `tradeoff.along_a1`.
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
    logarithmic(ax, "x", (5.5, 165), (7, 10, 20, 30, 50, 75, 100, 150))
    logarithmic(ax, "y", (0.035, 0.75), (0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5))
    ax.set(xlabel="latency on a Pixel 1, ms", ylabel="elasticity of accuracy")
    return fig


def of_table(cloud: pd.DataFrame, chosen: pd.DataFrame, claimed: float = 5.0) -> Figure:
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
    ticks = [t for t in (1, 2, 3, 5, 7, 10, 15, 20, 30, 50) if low < t < high]
    logarithmic(ax, "x", (0.95 * low, 1.05 * high), ticks)
    ax.set(xlabel="measured latency, ms for 32 images", ylabel="test accuracy, %")
    return fig
