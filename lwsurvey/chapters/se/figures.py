"""The figures of the chapter; each returns a figure for `lwsurvey.show.figure`."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from lwsurvey.figures import INK, PALETTE, Box, Unit, ends, names, units
from lwsurvey.stats import Estimate


def block() -> Figure:
    """The block behind any transformation, and inside MobileNet V3's unit."""
    mean = Box("mean", "other")
    anywhere = (
        mean,
        Box("$W_1$, ReLU", "squeeze-excitation", width=0.95),
        Box("$W_2$, sigmoid", "squeeze-excitation"),
    )
    in_v3 = (
        mean,
        Box("to $tN/4$, ReLU", "squeeze-excitation"),
        Box("to $tN$, hard $\\sigma$", "squeeze-excitation"),
    )
    unit = (
        Box("1 × 1", "pointwise", "$tN$"),
        Box("depthwise", "depthwise", "$tN$", side=in_v3),
        Box("1 × 1", "pointwise", "M = N", 0.4),
    )
    layers = Box(r"$F_{tr}$: any layers", "convolution", "u", side=anywhere)
    return units(
        Unit("behind anything", (layers,), enters="x"),
        Unit("in MobileNet V3", unit, shortcut="narrow", enters="N", width=0.4),
    )


def scores(first: pd.DataFrame, last: pd.DataFrame) -> Figure:
    """Mean scores by class and channel of two blocks, one above the other, on one scale.

    Args:
        first: of an early block, a row a class, as `experiment.class_means` gives it.
        last: of a late one.
    """
    fig, axes = plt.subplots(2, 1, figsize=(7, 5.2))
    low = min(first.to_numpy().min(), last.to_numpy().min())
    high = max(first.to_numpy().max(), last.to_numpy().max())
    for ax, (name, frame) in zip(axes, {"first": first, "last": last}.items(), strict=True):
        shown = ax.imshow(frame, aspect="auto", vmin=low, vmax=high, cmap="viridis")
        ax.set_yticks(range(len(frame)), frame.index, fontsize=9)
        ax.set_xticks([])
        ax.grid(visible=False)
        ax.set_title(f"{name} block, {frame.shape[1]} channels", fontsize=11, loc="left")
    axes[1].set_xlabel("channels, in the order of the class that scores highest", fontsize=10)
    fig.colorbar(shown, ax=axes, label="mean score", shrink=0.6)
    return fig


def added(shares: Mapping[str, float | Estimate]) -> Figure:
    """What the blocks add, by what is counted or timed, as bars.

    Args:
        shares: what -> added, in per cent; an `Estimate` is drawn with its interval.
    """
    fig, ax = plt.subplots(figsize=(7, 0.5 * len(shares) + 0.9))
    for place, share in enumerate(shares.values()):
        timed = isinstance(share, Estimate)
        value, top = (share.value, share.high) if timed else (share, share)
        ax.barh(place, value, height=0.6, color=PALETTE[1 if timed else 0], linewidth=0)
        if timed:
            ax.errorbar(value, place, xerr=ends([share]), color=INK, capsize=4)
        ax.annotate(f"{value:.3g} %", (max(top, 0), place), (5, 0),
                    textcoords="offset points", va="center", fontsize=10)  # fmt: skip
    ax.axvline(0, color=INK, linewidth=0.8)
    names(ax, list(shares))
    ax.margins(x=0.12)
    ax.set_xlabel("added by the blocks, % of the network without them")
    return fig
