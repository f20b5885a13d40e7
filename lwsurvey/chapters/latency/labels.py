"""Names beside dots, wherever a run puts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from lwsurvey import figures

# Directions from the dot in the order of preference, then further away.
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
REACHES = (8, 15, 24, 36)  # points from the dot
DOT = 6  # pixels that a dot keeps free around it
GAP = 3  # pixels between two names


def place(
    ax: Axes, dots: Mapping[str, tuple[float, float]], taken: Sequence[Annotation] = ()
) -> None:
    """Write each name near its dot, where it covers no dot, no other name, and no border.

    Call it when limits and scales are final. A name for which no place is free stands where
    it covers least.

    Args:
        ax: where the dots are.
        dots: name to position in data coordinates.
        taken: texts that are there already.
    """
    ax.figure.draw_without_rendering()
    used = [_dot(ax, xy) for xy in dots.values()] + [text.get_window_extent() for text in taken]
    for name, xy in dots.items():
        best = _best(ax, name, xy, used)
        used += [_words(best).padded(GAP), *_line(ax, xy, _words(best))]


def _line(ax: Axes, xy: tuple[float, float], words: Bbox) -> list[Bbox]:
    """Small boxes along the way from a dot to its name, so that no other name stands on it."""
    x, y = ax.transData.transform(xy)
    end = (words.x0 + words.x1) / 2, (words.y0 + words.y1) / 2
    ways = [(x + t * (end[0] - x), y + t * (end[1] - y)) for t in np.linspace(0, 1, 12)]
    return [Bbox.from_extents(a - 1, b - 1, a + 1, b + 1) for a, b in ways]


def _best(ax: Axes, name: str, xy: tuple[float, float], used: Sequence[Bbox]) -> Annotation:
    """The first place that covers nothing, or the one that covers least."""
    tried: dict[Annotation, float] = {}
    for reach, side in product(REACHES, SIDES):
        text = _write(ax, name, xy, side, reach)
        tried[text] = _covered(ax, text, used)
        if not tried[text]:
            break
    best = min(tried, key=tried.get)
    for text in tried:
        if text is not best:
            text.remove()
    return best


def _dot(ax: Axes, xy: tuple[float, float]) -> Bbox:
    x, y = ax.transData.transform(xy)
    return Bbox.from_extents(x - DOT, y - DOT, x + DOT, y + DOT)


def _write(ax: Axes, name: str, xy: tuple, side: tuple[int, int], reach: int) -> Annotation:
    right, up = side
    ha = {1: "left", 0: "center", -1: "right"}[right]
    va = {1: "bottom", 0: "center", -1: "top"}[up]
    away = reach if 0 in side else 0.6 * reach
    line = (
        {"arrowstyle": "-", "lw": 0.6, "color": figures.INK, "shrinkB": 3}
        if reach > REACHES[0]
        else None
    )
    return ax.annotate(
        name, xy, (right * away, up * away), textcoords="offset points", fontsize=9, ha=ha, va=va,
        arrowprops=line,
    )  # fmt: skip


def _covered(ax: Axes, text: Annotation, used: Sequence[Bbox]) -> float:
    """Area of what the text would cover, or of the text itself where it leaves the axes."""
    own = _words(text)
    shared = [Bbox.intersection(own, other) for other in used]
    outside = own.width * own.height - _area(Bbox.intersection(own, ax.bbox))
    return sum(map(_area, shared)) + outside


def _words(text: Annotation) -> Bbox:
    """The box of the words alone: a line to the dot would always cover the dot."""
    text.get_window_extent()  # moves the words to their place
    return Text.get_window_extent(text)


def _area(box: Bbox | None) -> float:
    return 0.0 if box is None else abs(box.width * box.height)
