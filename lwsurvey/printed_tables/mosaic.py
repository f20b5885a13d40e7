"""Tables drawn as small squares, packed into columns of one figure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations, pairwise

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from lwsurvey import figures

PITCH, SQUARE, GAP, MARGIN, KEY = 0.13, 0.102, 0.22, 0.05, 0.3  # inches
SMALL, LARGE = 7.0, 8.5  # points
AGREES, DIFFERS = (figures.PALETTE[0], 0.6), (figures.PALETTE[1], 1.0)
COLUMNS = 3


@dataclass(frozen=True)
class Block:
    """A table to draw; lengths are in inches.

    Attributes:
        title: above the table.
        rows: names, from top to bottom.
        columns: names, from left to right.
        agrees: whether a cell agrees, by row and column; cells that it lacks are not drawn.
        notes: what stands beside a row.
    """

    title: str
    rows: list[str]
    columns: list[str]
    agrees: dict[tuple[str, str], bool]
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """How many cells, and how many differ."""
        wrong = sum(not agrees for agrees in self.agrees.values())
        differ = f"{wrong or 'none'} {'differs' if wrong == 1 else 'differ'}"
        return f"{len(self.agrees)} cells, {differ}"

    @property
    def labels(self) -> float:
        """Width of the names of the rows."""
        return max(text_width(row, SMALL) for row in self.rows) + 0.06

    @property
    def header(self) -> float:
        """Height of title, summary and names of the columns."""
        return 0.36 + max(text_width(column, SMALL) for column in self.columns)

    @property
    def width(self) -> float:
        table = self.labels + PITCH * len(self.columns)
        notes = max((text_width(note, SMALL) for note in self.notes.values()), default=0)
        beside = table + 0.05 + notes
        return max(beside, text_width(self.title, LARGE), text_width(self.summary, SMALL))

    @property
    def height(self) -> float:
        return self.header + PITCH * len(self.rows)


@cache
def text_width(text: str, size: float) -> float:
    """Width of a text in inches."""
    return TextPath((0, 0), text, size=size).get_extents().x1 / 72 if text.strip() else 0.0


def draw(blocks: list[Block]) -> Figure:
    """Draw blocks in columns, with a key above them."""
    columns = pack(blocks, min(COLUMNS, len(blocks)))
    width, height = _extent(columns)
    fig = plt.figure(figsize=(width, height))
    fig.set_layout_engine("none")
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.set_axis_off()
    _key(ax)
    left = MARGIN
    for column in columns:
        top = KEY + MARGIN
        for block in column:
            _draw_block(ax, block, left, top)
            top += block.height + GAP
        left += max(block.width for block in column) + GAP
    return fig


def pack(blocks: list[Block], n: int) -> list[list[Block]]:
    """Share blocks out to ``n`` columns so that the figure is as small as it can be.

    Blocks of like width share a column; within it they keep their order.
    """
    order = sorted(blocks, key=lambda block: block.width)
    cuts = combinations(range(1, len(blocks)), n - 1)
    shared = [[order[a:b] for a, b in pairwise([0, *cut, len(blocks)])] for cut in cuts]
    best = min(shared, key=lambda columns: math.prod(_extent(columns)))
    return [sorted(column, key=blocks.index) for column in best]


def _extent(columns: list[list[Block]]) -> tuple[float, float]:
    """Width and height of a figure."""
    widths = [max(block.width for block in column) for column in columns]
    heights = [sum(block.height + GAP for block in column) - GAP for column in columns]
    return sum(widths) + GAP * (len(columns) - 1) + 2 * MARGIN, max(heights) + KEY + 2 * MARGIN


def _key(ax: Axes) -> None:
    left = MARGIN
    for look, text in ((AGREES, "as counted"), (DIFFERS, "differs: printed → counted")):
        _squares(ax, [(left, 0.08)], look)
        _text(ax, left + PITCH + 0.03, 0.08 + SQUARE / 2, text, ha="left")
        left += PITCH + text_width(text, SMALL) + 0.3


def _draw_block(ax: Axes, block: Block, left: float, top: float) -> None:
    ax.text(left, top, block.title, size=LARGE, weight="bold", va="top", color=figures.INK)
    _text(ax, left, top + 0.2, block.summary, ha="left")
    x0, y0 = left + block.labels, top + block.header
    for i, column in enumerate(block.columns):
        middle = x0 + PITCH * i + SQUARE / 2
        _text(ax, middle, y0 - 0.03, column, ha="center", va="bottom", rotation=90)
    for j, row in enumerate(block.rows):
        middle = y0 + PITCH * j + SQUARE / 2
        _text(ax, x0 - 0.04, middle, row, ha="right")
        beside = x0 + PITCH * len(block.columns) + 0.03
        _text(ax, beside, middle, block.notes.get(row, ""), ha="left", color=DIFFERS[0])
    for agrees, look in ((True, AGREES), (False, DIFFERS)):
        corners = [
            (x0 + PITCH * i, y0 + PITCH * j)
            for j, row in enumerate(block.rows)
            for i, column in enumerate(block.columns)
            if block.agrees.get((row, column)) is agrees
        ]
        _squares(ax, corners, look)


def _squares(ax: Axes, corners: list[tuple[float, float]], look: tuple[str, float]) -> None:
    """Draw squares as one path, in a colour and opacity."""
    if corners:
        square = Path.unit_rectangle()
        places = [Affine2D().scale(SQUARE).translate(*corner) for corner in corners]
        path = Path.make_compound_path(*(square.transformed(place) for place in places))
        ax.add_patch(PathPatch(path, fc=look[0], alpha=look[1], lw=0))


def _text(ax: Axes, x: float, y: float, text: str, **how: object) -> None:
    ax.text(x, y, text, **{"size": SMALL, "va": "center", "color": figures.INK} | how)
