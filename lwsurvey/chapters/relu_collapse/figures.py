"""Figures of the chapter on ReLU after an expansion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from lwsurvey.chapters.relu_collapse.embedding import kept_share, lost_share
from lwsurvey.data import Images
from lwsurvey.figures import FAINT, INK, PALETTE, intervals, names
from lwsurvey.stats import mean_interval

ALONG = LinearSegmentedColormap.from_list("along", [PALETTE[i] for i in (0, 2, 4, 1, 3)])
GROUPS = 25
SPREAD = 0.28
"""How far single dots are moved apart at most, as a share of the distance of two columns."""


def spirals(x: np.ndarray, rows: Mapping[str, Sequence[np.ndarray]], dims: Sequence[int]) -> Figure:
    """The input, and in each row its reconstructions, a column for each dimension.

    Args:
        x: the curve, shape ``(p, 2)``.
        rows: name of a decoder -> reconstructions of shape ``(p, 2)``, one for each of `dims`.
        dims: embedding dimensions n.
    """
    size = (len(rows), len(dims) + 1)
    fig, axes = plt.subplots(*size, figsize=(1.45 * size[1], 1.6 * size[0]), squeeze=False)
    for line, (name, guesses) in zip(axes, rows.items(), strict=True):
        for ax, guess in zip(line, [x, *guesses], strict=True):
            _curve(ax, x, guess)
        line[0].set_ylabel(name)
    for ax, title in zip(axes[0], ["input", *(f"n = {n}" for n in dims)], strict=True):
        ax.set_title(title)
    return fig


def _curve(ax: plt.Axes, x: np.ndarray, guess: np.ndarray) -> None:
    ax.plot(*x.T, color=FAINT, linewidth=0.8, zorder=1)
    # A path of strokes too short to see shows dots, in a third of the bytes of markers.
    strokes = np.stack([guess, guess + 1e-3, np.full_like(guess, np.nan)], axis=1)
    for group, part in zip(np.linspace(0, 1, GROUPS), np.array_split(strokes, GROUPS), strict=True):
        line = part.reshape(-1, 2).T
        ax.plot(*line, color=ALONG(group), linewidth=2.2, solid_capstyle="round")
    ax.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), aspect="equal", xticks=[], yticks=[])
    ax.grid(False)
    sns.despine(ax=ax, left=True, bottom=True)


def errors(curves: Mapping[str, np.ndarray], dims: Sequence[int]) -> Figure:
    """Relative error against dimension: median and middle half of the matrices.

    Args:
        curves: name -> errors, shape ``(len(dims), r)``.
        dims: embedding dimensions n.
    """
    fig, ax = plt.subplots()
    for (name, values), colour in zip(curves.items(), (PALETTE[i] for i in (1, 4, 0)), strict=True):
        low, median, high = np.quantile(values, (0.25, 0.5, 0.75), axis=1)
        ax.fill_between(dims, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(dims, median, color=colour, marker="o", markersize=4, label=name)
    ax.axhline(0.25, color=INK, linewidth=0.8, linestyle="--")
    ax.annotate("¼", (10, 0.25), (0, -14), textcoords="offset points")
    ax.set(xlabel="embedding dimension n", ylabel="error / mean squared size", ylim=(0, 1))
    ax.set(xscale="log", xlim=(min(dims) / 1.2, max(dims) * 1.2))
    ax.set_xticks(list(dims), list(map(str, dims)))
    ax.minorticks_off()
    ax.legend()
    return fig


def shares(kept: np.ndarray, dims: Sequence[int], shown: int = 100) -> Figure:
    """Kept share of the plane for single matrices, their mean, and the theorem.

    Args:
        kept: shape ``(len(dims), r)``.
        dims: embedding dimensions n, drawn at equal distances.
        shown: how many matrices get a dot.
    """
    fig, ax = plt.subplots()
    for place, values in enumerate(kept):
        some = values[:shown]
        ax.plot(place + _jitter(some), some, ".", color=PALETTE[0], alpha=0.45, markersize=5)
    places = np.arange(len(dims))
    ax.plot(places, kept.mean(axis=1), "D", color=PALETTE[1], label="mean of the matrices")
    theorem = [kept_share(n) for n in dims]
    ax.plot(places, theorem, "_", color=INK, markersize=42, markeredgewidth=2)
    ax.plot([], [], color=INK, linewidth=2, label="theorem")
    ax.plot([], [], ".", color=PALETTE[0], label="a matrix")
    ax.set(xlabel="embedding dimension n", ylabel="share of the plane kept", ylim=(-0.03, 1.05))
    ax.set_xticks(places, list(map(str, dims)))
    ax.legend(loc="lower right")
    return fig


def _jitter(values: np.ndarray) -> np.ndarray:
    """Random shifts that keep dots apart, the same for each group of so many."""
    return np.random.default_rng(0).uniform(-SPREAD, SPREAD, len(values))


def factors(inputs: Sequence[int], largest: int = 16) -> Figure:
    """What the theorem says is lost, against the expansion factor, for several input widths."""
    fig, ax = plt.subplots()
    for d, colour in zip(inputs, PALETTE, strict=False):
        n = np.arange(d, largest * d + 1, max(1, d // 4))
        ax.plot(n / d, [lost_share(int(k), d) for k in n], color=colour, label=f"d = {d}")
    for factor in (6, 7.5, 15):
        ax.axvline(factor, color=INK, linewidth=0.8, linestyle="--")
        ax.annotate(f"{factor:g}", (factor, 1), (3, 2), textcoords="offset points")
    ax.set(xlabel="expansion factor n / d", ylabel="share lost", yscale="log", ylim=(1e-12, 1))
    ax.legend(loc="center right")
    return fig


def sheet(images: Images, columns: int = 12) -> Figure:
    """Grey images with their labels above them."""
    lines = -(-len(images) // columns)
    fig, axes = plt.subplots(lines, columns, figsize=(7, 0.8 * lines), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, label in zip(axes.flat, images.x, images.y, strict=False):
        ax.imshow(image[0], cmap="gray", vmin=-0.3, vmax=1.2)
        ax.set_title(int(label), fontsize=9, pad=2)
    return fig


def differences(effects: Mapping[str, np.ndarray]) -> Figure:
    """Paired differences: every seed a dot, mean and 95 % interval above it."""
    fig, ax = plt.subplots(figsize=(7, 0.6 * len(effects) + 1))
    for place, values in enumerate(effects.values()):
        ax.plot(values, place + _jitter(values) / 3, "o", color=PALETTE[0], alpha=0.5, ms=5, mew=0)
        mean = {place - 0.22: mean_interval(values)}
        intervals(ax, mean, horizontal=True, colour=PALETTE[1], fmt="D", capsize=4)
    names(ax, list(effects))
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set(xlabel="difference in accuracy, points")
    return fig


def filling(shares: Mapping[str, Mapping[int, np.ndarray]]) -> Figure:
    """Share of the channels in use against the number of channels, every seed a dot.

    Args:
        shares: name of a criterion -> channels -> a share for each seed.
    """
    fig, ax = plt.subplots(figsize=(5.5, 3.2))
    for (name, by_width), colour in zip(shares.items(), PALETTE, strict=False):
        for place, values in enumerate(by_width.values()):
            ax.plot([place] * len(values), values, ".", color=colour, alpha=0.5)
        means = [np.mean(values) for values in by_width.values()]
        ax.plot(means, "D-", color=colour, linewidth=1, label=name)
    ax.axhline(0.5, color=INK, linewidth=0.8, linestyle="--")
    ax.set_xticks(range(len(by_width)), list(map(str, by_width)))
    ax.set(xlabel="channels", ylabel="share of channels needed", ylim=(0, 1.05))
    ax.legend()
    return fig
