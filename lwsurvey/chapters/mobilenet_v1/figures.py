"""The figures of the chapter; each returns a figure for `lwsurvey.show.figure`."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import nn

from lwsurvey.chapters.mobilenet_v1.networks import pairs
from lwsurvey.figures import PALETTE, Box, Unit, intervals, log_ticks, units
from lwsurvey.stats import Estimate

ACROSS = 32
"""Kernels in a line of the mosaic."""

SCALE = 5200 / 569
"""Area of a bubble, in square points, for each million MACs."""


def blocks() -> Figure:
    """The full convolution, the separable pair, and the pair with a shortcut.

    As in figure 3 of Howard et al. 2017, with the unit of the chapter's own question.
    """
    full = [Box("3 × 3\nfull", "dense", "BN, ReLU · M")]
    depthwise = Box("3 × 3\ndepthwise", "depthwise", "BN, ReLU · N")
    pair = [depthwise, Box("1 × 1", "pointwise", "BN, ReLU · M")]
    added = [depthwise, Box("1 × 1", "pointwise", "BN · N")]
    return units(
        Unit("full convolution", full),
        Unit("separable (V1)", pair),
        Unit("what if", added, shortcut="ends", leaves="ReLU · N"),
    )


def kernels(net: nn.Module) -> Figure:
    """Every depthwise kernel of a network as a little image, layer below layer.

    Blue is positive and orange negative; the stronger the colour, the larger the weight against
    the largest of its kernel.
    """
    layers = [pair.depthwise.weight.detach().cpu().numpy()[:, 0] for pair in pairs(net)]
    lines = [-(-len(layer) // ACROSS) for layer in layers]
    fig, axes = plt.subplots(
        len(layers), 1, figsize=(7, 0.24 * sum(lines) + 0.1 * len(lines)), height_ratios=lines
    )
    for place, (ax, layer) in enumerate(zip(axes, layers, strict=True), start=1):
        ax.imshow(_mosaic(layer), interpolation="nearest")
        ax.set_ylabel(str(place), rotation=0, labelpad=10, va="center", fontsize=10)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.grid(visible=False)
    return fig


def _mosaic(layer: np.ndarray) -> np.ndarray:
    """RGBA of kernels, shape ``(n, 3, 3)``, in lines of `ACROSS`, a clear pixel between two."""
    rows = -(-len(layer) // ACROSS)
    canvas = np.zeros((4 * rows - 1, 4 * ACROSS - 1, 4))
    for i, kernel in enumerate(layer):
        y, x = 4 * (i // ACROSS), 4 * (i % ACROSS)
        colours = np.where(kernel[..., None] > 0, to_rgb(PALETTE[0]), to_rgb(PALETTE[1]))
        strength = np.abs(kernel) / np.abs(kernel).max()
        canvas[y : y + 3, x : x + 3] = np.dstack([colours, strength])
    return canvas


def bubbles(grid: pd.DataFrame) -> Figure:
    """The 16 networks of the paper's grid: areas are MACs, texts are MACs and cited accuracies.

    Args:
        grid: as `lwsurvey.chapters.mobilenet_v1.tables.grid` gives it.
    """
    alphas, sides = (sorted(set(grid.index.get_level_values(i))) for i in (0, 1))
    fig, ax = plt.subplots(figsize=(7, 5))
    for (alpha, side), row in grid.iterrows():
        x, y = sides.index(side), alphas.index(alpha)
        ax.scatter(x, y, s=SCALE * row.MACs, color=PALETTE[0], alpha=0.35, linewidth=0)
        known = "" if np.isnan(row.top1) else f"\n{row.top1:g} %"
        ax.text(x, y, f"{row.MACs:.0f} M{known}", ha="center", va="center", fontsize=10)
    ax.set_xticks(range(len(sides)), [f"{side} px" for side in sides])
    ax.set_yticks(range(len(alphas)), [f"α = {alpha:g}" for alpha in alphas])
    ax.set(xlim=(-0.5, len(sides) - 0.4), ylim=(-0.45, len(alphas) - 0.4))
    ax.grid(visible=False)
    return fig


def curves(
    cited: pd.DataFrame, ours: Mapping[int, Mapping[float, Estimate]], macs: pd.Series
) -> Figure:
    """Accuracy against MACs along both multipliers: the paper's on ImageNet, and ours.

    Args:
        cited: `lwsurvey.chapters.mobilenet_v1.tables.grid`.
        ours: accuracy by side and width multiplier.
        macs: of our networks, indexed by side and width multiplier.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.5))
    fig.get_layout_engine().set(wspace=0.08)
    thinner, smaller = cited.xs(224, level="side"), cited.xs(1.0, level="alpha")
    both = cited.query("alpha < 1 and side < 224").dropna(subset="top1")
    axes[0].plot(thinner.MACs, thinner.top1, "o-", linewidth=1.2, label="thinner, α")
    axes[0].plot(smaller.MACs, smaller.top1, "o-", linewidth=1.2, label="smaller image, ρ")
    axes[0].plot(both.MACs, both.top1, "D", label="both")
    axes[0].set(title="ImageNet, as cited", xlabel="million MACs", ylabel="top-1 accuracy, %")
    for colour, (side, found) in zip(PALETTE, ours.items(), strict=False):
        line = {macs[side, alpha] / 1e3: one for alpha, one in found.items()}
        style = dict(fmt="o-", linewidth=1.2, label=f"{side} px")
        intervals(axes[1], line, colour=colour, **style)
    axes[1].set(title="Fashion-MNIST, measured", xlabel="thousand MACs", ylabel="test accuracy, %")
    for ax, ticks in zip(axes, ((50, 100, 200, 500), (10, 30, 100, 300)), strict=True):
        log_ticks(ax, ticks)
        ax.title.set_fontsize(11)
        ax.legend(fontsize=9.5, loc="lower right")
    return fig


def times(ratios: Mapping[str, Estimate], theory: Mapping[str, float]) -> Figure:
    """Times over that of the whole network: measured with intervals, and as MACs would have it.

    Args:
        ratios: competitor -> measured ratio.
        theory: competitor -> ratio of the MACs.
    """
    fig, ax = plt.subplots(figsize=(7, 0.45 * len(ratios) + 1.2))
    intervals(ax, ratios, horizontal=True, capsize=4, zero=1)
    bars = dict(color=PALETTE[1], markeredgewidth=2.5)
    ax.plot([theory[name] for name in ratios], range(len(ratios)), "|", markersize=16, **bars)
    ax.plot([], [], "o", color=PALETTE[0], label="time")
    ax.plot([], [], "|", markersize=12, label="MACs", **bars)
    log_ticks(ax, (0.1, 0.2, 0.5, 1, 2, 5, 10))
    ax.set(xlabel="relative to MobileNet V1, α = 1, whole image")
    ax.legend(fontsize=9.5)
    return fig
