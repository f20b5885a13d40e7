"""What a block diagram says: units, which are chains of boxes with a second way around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lwsurvey.figures.colours import BOXES

SHORTCUTS = ("none", "ends", "narrow", "wide")


@dataclass(frozen=True)
class Box:
    """A layer or another step.

    Attributes:
        text: what stands in the box, or left of it where it does not fit.
        kind: a key of `lwsurvey.figures.colours.BOXES`: ``convolution``, ``order``, ``other``,
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
