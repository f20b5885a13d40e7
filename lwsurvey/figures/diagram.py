"""Block diagrams: units, which are chains of boxes, with a second way around them.

All lengths are inches, so that letters and boxes fit each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwsurvey.figures import strokes
from lwsurvey.figures.strokes import FULL, SMALL, Place
from lwsurvey.figures.theme import BOXES

SHORTCUTS = ("none", "ends", "narrow", "wide")

PAGE = 7.2
"""Width of a figure, which wraps its units into lines."""

ENTRY, FORK, EXIT, GAP, TIGHT = 0.4, 0.58, 0.48, 0.36, 0.17
"""Arrow into a unit without and with a shortcut, arrow out of it, gaps between boxes."""

BRANCH = 0.2
"""From where the shortcut leaves to the first box."""

LANE = 0.3
"""From the widest thing to the shortcut."""


@dataclass(frozen=True)
class Box:
    """A layer or another step.

    Attributes:
        text: what stands in the box, or left of it where it does not fit.
        kind: a key of `lwsurvey.figures.theme.BOXES`: ``convolution``, ``order``, ``other``,
            or one of the kinds of layer that `per_layer` tells apart.
        note: beside the arrow that leaves the box, such as ``BN, ReLU``.
        width: channels that leave the box, relative to the widest of the diagram; above 0, 1
            at most. The sides of a box lean from the channels that enter to those that leave.
        side: boxes of a branch that starts behind this box, and whose result multiplies the
            box's: a squeeze-and-excitation inside a unit.
    """

    text: str
    kind: str = "convolution"
    note: str = ""
    width: float = 1.0
    side: Sequence[Box] = ()

    def __post_init__(self) -> None:
        if self.kind not in BOXES:
            raise ValueError(f"kind is one of {', '.join(BOXES)}, not {self.kind!r}")
        _check_width(self.width)


@dataclass(frozen=True)
class Unit:
    """A chain of boxes from top to bottom.

    Attributes:
        title: above the unit.
        boxes: one or more, in the order of execution.
        shortcut: ``none``; ``ends`` joins the unit's input to what the last box gives;
            ``narrow`` and ``wide`` do the same and promise that no box, or that every box, gives
            fewer channels than the ends.
        enters: beside the arrow into the unit, such as ``N``.
        join: sign at the end of the shortcut: ``+``, ``×``, or a word such as ``concat``.
        beside: boxes on the shortcut.
        leaves: beside the arrow out of a join.
        width: channels that enter, relative to the widest; those of the last box if not given.
    """

    title: str
    boxes: Sequence[Box]
    shortcut: str = "none"
    enters: str = "N"
    join: str = "+"
    beside: Sequence[Box] = ()
    leaves: str = ""
    width: float | None = None

    def __post_init__(self) -> None:
        if not self.boxes:
            raise ValueError(f"unit {self.title!r} has no box")
        if self.shortcut not in SHORTCUTS:
            raise ValueError(f"shortcut is one of {', '.join(SHORTCUTS)}, not {self.shortcut!r}")
        if self.shortcut == "none" and (self.beside or self.leaves):
            raise ValueError(f"unit {self.title!r} has no shortcut for `beside` or `leaves`")
        _check_width(self.entering)
        _check_promise(self)

    @property
    def entering(self) -> float:
        """Width of the arrow into the unit."""
        return self.boxes[-1].width if self.width is None else self.width


def _check_width(width: float) -> None:
    if not 0 < width <= 1:
        raise ValueError(f"a width is above 0 and 1 at most, not {width}")


def _check_promise(unit: Unit) -> None:
    widths = [box.width for box in unit.boxes]
    ends = (unit.entering, widths[-1])
    if unit.shortcut == "narrow" and max(ends) > min(widths):
        raise ValueError(f"the ends of {unit.title!r} are not narrow: {ends} against {widths}")
    if unit.shortcut == "wide" and min(ends) < max(widths):
        raise ValueError(f"the ends of {unit.title!r} are not wide: {ends} against {widths}")


def units(*drawn: Unit) -> Figure:
    """A diagram of one unit or of several side by side.

    Args:
        drawn: from left to right; as many in a line as fit on a page.

    Raises:
        ValueError: nothing to draw.
    """
    if not drawn:
        raise ValueError("a diagram needs a unit")
    fig = plt.figure()
    fig.set_layout_engine("none")
    axes = [fig.add_axes((0, 0, 1, 1)) for _ in drawn]
    sizes = [_unit(ax, unit) for ax, unit in zip(axes, drawn, strict=True)]
    _arrange(fig, axes, sizes)
    return fig


def _arrange(fig: Figure, axes: Sequence[Axes], sizes: Sequence[Place]) -> None:
    """Put the units into lines; those of one line begin at the same height."""
    rooms = [size.right - size.left + 0.25 for size in sizes]
    lines = _lines(rooms)
    heights = [max(-sizes[i].bottom for i in line) + 0.42 for line in lines]
    least = PAGE if len(axes) > 1 else PAGE / 2
    wide = max(least, *(sum(rooms[i] for i in line) for line in lines))
    fig.set_size_inches(wide, sum(heights))
    top = sum(heights)
    for line, high in zip(lines, heights, strict=True):
        spare = (wide - sum(rooms[i] for i in line)) / len(line)
        left, top = 0.0, top - high
        for i in line:
            room = rooms[i] + spare
            middle = (sizes[i].left + sizes[i].right) / 2
            place = (left / wide, top / sum(heights), room / wide, high / sum(heights))
            axes[i].set_position(place)
            axes[i].set(xlim=(middle - room / 2, middle + room / 2), ylim=(0.4 - high, 0.4))
            axes[i].axis("off")
            left += room


def _lines(rooms: Sequence[float]) -> list[range]:
    """Which units stand in which line: as few lines as fit, and about as many in each."""
    count = len(rooms)
    widest = {
        k: max(sum(rooms[i : i + k]) for i in range(0, count, k)) for k in range(1, count + 1)
    }
    per = max(k for k, wide in widest.items() if k == 1 or wide <= PAGE)
    per = -(-count // -(-count // per))
    return [range(i, min(i + per, count)) for i in range(0, count, per)]


def _unit(ax: Axes, unit: Unit) -> Place:
    """Draw a unit whose arrow begins at (0, 0); what is returned holds all of it."""
    size = Place()
    strokes.label(ax, size, 0, 0.2, unit.title, size=11.5, middle=True)
    strokes.label(ax, size, 0.08, -0.11, unit.enters)
    y, entering = -(ENTRY if unit.shortcut == "none" else FORK), unit.entering
    strokes.arrow(ax, (0, 0), (0, y))
    for box in unit.boxes:
        last = box is unit.boxes[-1]
        y = _step(ax, size, box, y, entering)
        y = _leave(ax, size, box, y, EXIT if last and unit.shortcut == "none" else GAP)
        entering = box.width
    if unit.shortcut != "none":
        y = _shortcut(ax, size, unit, y)
    size.bottom = y
    return size


def _step(ax: Axes, size: Place, box: Box, y: float, entering: float) -> float:
    """Draw a box below y; its lower edge."""
    return strokes.box(ax, size, (0, y), box.text, box.kind, FULL * entering, FULL * box.width)


def _leave(ax: Axes, size: Place, box: Box, y: float, gap: float) -> float:
    """Draw the arrow out of a box, and its branch if it has one; where the arrow ends."""
    if not box.side:
        strokes.label(ax, size, 0.08, y - gap / 2, box.note)
        strokes.arrow(ax, (0, y), (0, y - gap))
        return y - gap
    end = _side(ax, size, box.side, y)
    strokes.label(ax, size, -0.08, (y + end) / 2, box.note, right=True)
    strokes.arrow(ax, (0, y), (0, end + strokes.RADIUS))
    end = strokes.join(ax, size, end, "×")
    strokes.arrow(ax, (0, end), (0, end - gap))
    return end - gap


def _side(ax: Axes, size: Place, boxes: Sequence[Box], y: float) -> float:
    """Draw the chain that starts right of y; the height of the sign that ends it."""
    x = FULL / 2 + 0.1
    start = bottom = y - 0.1
    for box in boxes:
        strokes.arrow(ax, (x, bottom), (x, bottom - TIGHT))
        wide = (SMALL * box.width,) * 2
        bottom = strokes.box(ax, size, (x, bottom - TIGHT), box.text, box.kind, *wide, small=True)
    strokes.line(ax, (0, start), (x, start), (x, start - 0.02))
    strokes.line(ax, (x, bottom), (x, bottom - TIGHT))
    strokes.arrow(ax, (x, bottom - TIGHT), (strokes.RADIUS, bottom - TIGHT))
    return bottom - TIGHT


def _shortcut(ax: Axes, size: Place, unit: Unit, y: float) -> float:
    """Draw the second way and where both meet, above y; where the unit ends."""
    width = max((FULL * box.width for box in unit.beside), default=0)
    lane = size.right + LANE + width / 2
    centre, start = y - strokes.RADIUS, BRANCH - FORK
    strokes.line(ax, (0, start), (lane, start))
    at = start
    for place, box in enumerate(unit.beside):
        run = (start - centre) / (len(unit.beside) + 1)
        top = start - run * (place + 1) + 0.25
        strokes.arrow(ax, (lane, at), (lane, top))
        wide = (FULL * box.width,) * 2
        at = strokes.box(ax, size, (lane, top), box.text, box.kind, *wide)
        strokes.label(ax, size, lane + 0.08, at - 0.25, box.note)
    strokes.line(ax, (lane, at), (lane, centre))
    strokes.arrow(ax, (lane, centre), (strokes.reach(unit.join), centre))
    size.see(lane, lane)
    end = strokes.join(ax, size, centre, unit.join)
    strokes.label(ax, size, 0.08, end - 0.24, unit.leaves)
    strokes.arrow(ax, (0, end), (0, end - EXIT))
    return end - EXIT
