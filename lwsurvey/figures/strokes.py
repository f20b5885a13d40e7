"""The strokes of a block diagram: boxes, arrows, joins and labels, in inches."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Circle, FancyBboxPatch, Polygon
from matplotlib.textpath import TextPath

from lwsurvey.figures.theme import BOXES, INK

FULL, SMALL = 1.75, 1.0
"""Width of a box with all channels, in the chain and in a side branch."""

LINE, LETTERS, NOTES = 1.1, 10.0, 9.5
"""Width of lines and sizes of letters, in points."""

RADIUS = 0.12
"""Of the circle around a sign."""

ROW, PADDING, TALL = 0.165, 0.17, 0.1
"""Height of a line of text in a box, what is added to them, and height of a letter."""


@dataclass
class Place:
    """The room that a drawing takes, beside the arrow at x = 0."""

    left: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    def see(self, left: float, right: float) -> None:
        """Widen it so that it holds an interval."""
        self.left, self.right = min(self.left, left), max(self.right, right)


def width_of(text: str, size: float = LETTERS) -> float:
    """Inches that the longest line of a text takes."""
    font = FontProperties(size=size)
    lines = [line for line in text.split("\n") if line.strip()]
    sizes = [TextPath((0, 0), line, prop=font).get_extents().width / 72 for line in lines]
    return max(sizes, default=0)


def label(
    ax: Axes, place: Place, x: float, y: float, text: str, *, size: float = NOTES,
    middle: bool = False, right: bool = False,
) -> None:  # fmt: skip
    """Write a text that begins at x, ends there (``right``), or has its middle there."""
    if not text:
        return
    wide = width_of(text, size)
    start = x - wide / 2 if middle else x - wide if right else x
    place.see(start, start + wide)
    one_line = "center" if "\n" in text else "center_baseline"
    ax.text(start, y, text, ha="left", va=one_line, fontsize=size, linespacing=1.1)


def box(
    ax: Axes, place: Place, top: tuple[float, float], text: str, kind: str,
    entering: float, leaving: float, *, small: bool = False,
) -> float:  # fmt: skip
    """Draw a box below a point; its sides lean if more enters than leaves, or less.

    Returns:
        The height of its lower edge.
    """
    (x, y), letters = top, NOTES if small else LETTERS
    high = ROW * (text.count("\n") + 1) + (0.08 if small else PADDING)
    corners = [(x - entering / 2, y), (x + entering / 2, y)]
    corners += [(x + leaving / 2, y - high), (x - leaving / 2, y - high)]
    _outline(ax, corners, BOXES[kind])
    half = max(entering, leaving) / 2
    place.see(x - half, x + half)
    steep = (leaving - entering) / high
    # Towards the wide side, where there is more room for letters.
    middle = y - high / 2 - (0.03 if steep > 0 else -0.03 if steep < 0 else 0)
    free = (entering + leaving) / 2 - abs(steep) * (TALL / 2 - 0.03 if steep else 0)
    if width_of(text, letters) <= free - 0.08:
        ax.text(x, middle, text, ha="center", va="center", fontsize=letters, linespacing=1.1)
    else:
        label(ax, place, x - half - 0.08, y - high / 2, text, size=letters, right=True)
    return y - high


def _outline(ax: Axes, corners: list[tuple[float, float]], colour: str) -> None:
    ax.add_patch(Polygon(corners, facecolor=colour, alpha=0.16, linewidth=0))
    style = dict(facecolor="none", edgecolor=colour, linewidth=1.8, joinstyle="round")
    ax.add_patch(Polygon(corners, **style))


def reach(text: str) -> float:
    """From the middle of a join to its edge."""
    return RADIUS if len(text) == 1 else width_of(text) / 2 + 0.1


def join(ax: Axes, place: Place, y: float, text: str) -> float:
    """Draw what joins two ways, around (0, y); the height of its lower edge."""
    half = reach(text)
    place.see(-half, half)
    if len(text) == 1:
        ax.add_patch(Circle((0, y), RADIUS, fill=False, edgecolor=INK, linewidth=LINE))
        _sign(ax, y, text)
    else:
        corner, size = (-half, y - RADIUS), dict(width=2 * half, height=2 * RADIUS)
        patch = FancyBboxPatch(corner, **size, boxstyle="round,pad=0,rounding_size=0.08")
        patch.set(facecolor="none", edgecolor=INK, linewidth=LINE)
        ax.add_patch(patch)
        ax.text(0, y, text, ha="center", va="center", fontsize=LETTERS)
    return y - RADIUS


def _sign(ax: Axes, y: float, text: str) -> None:
    """A sign of strokes: letters do not stand in the middle of a circle."""
    if text not in "+×":
        ax.text(0, y, text, ha="center", va="center", fontsize=LETTERS)
        return
    a = 0.6 * RADIUS
    b = a if text == "×" else 0
    a *= 0.75 if text == "×" else 1
    b *= 0.75
    line(ax, (-a, y - b), (a, y + b))
    line(ax, (-b, y + a), (b, y - a))


def line(ax: Axes, *points: tuple[float, float]) -> None:
    """A line through points."""
    ax.plot(*zip(*points, strict=True), color=INK, linewidth=LINE, solid_joinstyle="miter")


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """An arrow between two points."""
    style = dict(arrowstyle="-|>", color=INK, linewidth=LINE, shrinkA=0, shrinkB=0)
    style["mutation_scale"] = 11
    ax.annotate("", end, start, arrowprops=style)
