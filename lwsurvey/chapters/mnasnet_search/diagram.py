"""Search spaces and networks as rows of boxes, a colour and a letter for each choice."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from lwsurvey.chapters.mnasnet_search.published import Layer
from lwsurvey.figures.theme import FAINT, INK, PALETTE

SIDE = 0.84
HEAD = 0.55


def spaces(blocks: int, layers: int, counts: dict[str, float]) -> Figure:
    """Three spaces for the same network: which layers are chosen together.

    Args:
        blocks: of the network.
        layers: of each block.
        counts: title of a space -> decades of networks; in the order cell, factorised, flat.
    """
    rules = (lambda b, n: 0, lambda b, n: b, lambda b, n: b * layers + n)
    fig, axes = plt.subplots(1, 3, figsize=(7, 3.7))
    for ax, rule, (title, decades) in zip(axes, rules, counts.items(), strict=True):
        for b in range(blocks):
            for n in range(layers):
                _box(ax, n, b, ascii_lowercase[rule(b, n)], PALETTE[rule(b, n) % len(PALETTE)])
            ax.add_patch(_outline(-0.5, b, layers))
        ax.set_title(title, fontsize=11)
        ax.text((layers - 1) / 2, blocks - 0.25, _power(decades), ha="center", va="top")
        ax.set(xlim=(-0.7, layers - 0.3), ylim=(blocks + 0.25, -0.6), aspect="equal")
        ax.axis("off")
    return fig


def _power(decades: float) -> str:
    return f"$10^{{{decades:.1f}}}$ networks"


def _box(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    style = dict(boxstyle="round,pad=0,rounding_size=0.1", linewidth=0)
    corner = (x - SIDE / 2, y - SIDE / 2 + 0.06)
    ax.add_patch(FancyBboxPatch(corner, SIDE, SIDE - 0.12, facecolor=colour, **style, alpha=0.85))
    ax.text(x, y, text, ha="center", va="center", fontsize=11, color=INK)


def _outline(x: float, y: float, width: float) -> FancyBboxPatch:
    style = dict(boxstyle="round,pad=0,rounding_size=0.1", linewidth=1, edgecolor=FAINT)
    return FancyBboxPatch((x, y - 0.46), width, 0.92, facecolor="none", **style)


def strip(mnasnet: Sequence[Sequence[Layer]], cells: Sequence[tuple[str, ...]]) -> Figure:
    """The layers of MnasNet-A1 and the normal cells of NASNet, a colour for each structure.

    Args:
        mnasnet: layers of each block.
        cells: what each cell computes with.
    """
    fig, axes = plt.subplots(2, 1, figsize=(7, 2.9), height_ratios=(2.1, 1))
    structures = list(dict.fromkeys(layer.structure for block in mnasnet for layer in block))
    x = 0.0
    for number, block in enumerate(mnasnet, start=1):
        axes[0].text(x + (len(block) - 1) / 2, 0.72, f"block {number}", ha="center", fontsize=9)
        for layer in block:
            _tile(axes[0], x, str(layer), PALETTE[structures.index(layer.structure)])
            x += 1
        x += HEAD
    _frame(axes[0], x - HEAD, "MnasNet-A1: 16 searched layers in 7 blocks", 1.05)
    kinds = list(dict.fromkeys(cells))
    for place, cell in enumerate(cells):
        _tile(axes[1], place, "cell", PALETTE[len(structures) + kinds.index(cell)], 0.62)
    _frame(axes[1], len(cells), f"NASNet-A: {len(cells)} normal cells", 0.55)
    return fig


def _tile(ax: Axes, x: float, text: str, colour: str, high: float = 1.2) -> None:
    style = dict(boxstyle="round,pad=0,rounding_size=0.08", linewidth=0)
    corner = (x - 0.46, -high / 2)
    ax.add_patch(FancyBboxPatch(corner, 0.92, high, facecolor=colour, **style, alpha=0.85))
    ax.text(x, 0, text, ha="center", va="center", fontsize=8.5, color=INK, linespacing=1.1)


def _frame(ax: Axes, width: float, title: str, high: float) -> None:
    ax.set(xlim=(-0.6, max(width, 19)), ylim=(-0.75, high))
    ax.set_title(title, fontsize=10.5, loc="left")
    ax.axis("off")
