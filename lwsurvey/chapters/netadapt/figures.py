"""A run of NetAdapt as a figure."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey.figures import INK, PALETTE

KEPT, CUT = PALETTE[0], PALETTE[1]


def steps(path: pd.DataFrame, layers: Sequence[str], latency: pd.DataFrame) -> Figure:
    """A run from top to bottom: each layer's filters as a band, latency and accuracy beside it.

    Args:
        path: as `lwsurvey.chapters.netadapt.results.path`.
        layers: the columns of it that are bands.
        latency: columns are lines, per cent of the pretrained network's.
    """
    fig, (left, middle, right) = plt.subplots(
        1, 3, figsize=(7, 0.34 * len(path) + 1.5), sharey=True,
        gridspec_kw={"width_ratios": (3.4, 1, 1)},
    )  # fmt: skip
    bands(left, path[list(layers)])
    held_out = path[["cut", "tuned"]]
    for ax, frame, label in ((middle, latency, "latency, %"), (right, held_out, "accuracy, %")):
        for name, colour, mark in zip(frame, (CUT, KEPT), "Do", strict=True):
            style = dict(color=colour, markersize=3.5, linewidth=1)
            ax.plot(frame[name], range(len(frame)), f"{mark}-", label=name, **style)
        ax.set_xlabel(label, fontsize=10)
        ax.legend(fontsize=9, loc="lower left", bbox_to_anchor=(-0.1, 1), handlelength=1.2)
    left.set(ylabel="step", ylim=(len(path) - 0.4, -1.1), yticks=range(len(path)))
    return fig


def bands(ax: Axes, widths: pd.DataFrame) -> None:
    """Bands around one vertical line a layer, as wide as the layer; a cut has its colour."""
    half = widths / widths.to_numpy().max() / 2 * 0.9
    for place, layer in enumerate(widths):
        before = half[layer].shift().fillna(half[layer])
        for step, now in enumerate(half[layer]):
            last, cut = before.iloc[step], before.iloc[step] > now
            ax.barh(step, 2 * last, 0.7, place - last, color=CUT if cut else KEPT, linewidth=0)
            ax.barh(step, 2 * now, 0.7, place - now, color=KEPT, linewidth=0)
            if cut or not step:
                y, text = step - (0.75 if not step else 0), f"{widths[layer].iloc[step]}"
                colour = "white" if step and now > 0.12 else INK
                ax.text(place, y, text, ha="center", va="center", fontsize=8, color=colour)
    ax.set_xticks(range(widths.shape[1]), list(widths), fontsize=9)
    ax.grid(visible=False)
    ax.set_xlim(-0.55, widths.shape[1] - 0.45)
    ax.set_xlabel("layer, as wide as its filters", fontsize=10)
