"""Which widths of which pieces a table measures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import nn

from lwsurvey.latency.lookup.cut import cut
from lwsurvey.latency.lookup.errors import TableError
from lwsurvey.latency.lookup.layers import Layer, Piece, Widths

Axis = tuple[int, ...]
Grid = dict[Layer, tuple[Axis, ...]]
"""For each layer the measured values of each of its widths, ascending."""

WIDTHS, MULTIPLE = 8, 8


def grid(
    network: nn.Module, shape: Sequence[int], *, widths: int | None = WIDTHS,
    multiple: int = MULTIPLE, least: int | None = None,
) -> Grid:  # fmt: skip
    """The entries of a table for a network and all narrower ones of its kind.

    Layers that agree in everything but their widths share their entries. The channels of the
    image and the outputs of the network are not varied.

    Args:
        network: the widest that the table is for.
        shape: of its input, ``(batch, channels, rows, columns)``.
        widths: about so many values along each dimension; None for every multiple.
        multiple: channels are multiples of it; the full width is measured in any case.
        least: fewest channels; ``multiple`` by default. The inner width of
            squeeze-and-excitation begins at 1.

    Raises:
        TableError: numbers that are not positive, or a network that `cut` does not take.
    """
    least = multiple if least is None else least
    for name, value in (("multiple", multiple), ("least", least), ("widths", widths or 2)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise TableError(f"{name} is a positive whole number, not {value!r}")
    found: dict[Layer, list[set[int]]] = {}
    pieces = cut(network, shape)
    for i, piece in enumerate(pieces):
        axes = found.setdefault(piece.layer, [set() for _ in piece.widths])
        for j, full in enumerate(piece.widths):
            inner = piece.layer.kind == "squeeze" and j == 1  # a fraction of the channels
            axis = _axis(full, widths, multiple, 1 if inner else least)
            axes[j] |= {full} if _fixed(pieces, i, j, shape[1]) else axis
    return {layer: tuple(tuple(sorted(axis)) for axis in axes) for layer, axes in found.items()}


def _fixed(pieces: list[Piece], i: int, j: int, channels: int) -> bool:
    """Whether a width is that of the image or of the network's output."""
    first = i == 0 and j == 0 and pieces[0].widths[0] == channels
    return first or (i == len(pieces) - 1 and j == len(pieces[i].widths) - 1 and j == 1)


def _axis(full: int, widths: int | None, multiple: int, least: int) -> set[int]:
    """Multiples up to the full width, evenly spread, and the fewest channels."""
    step = multiple * (1 if widths is None else math.ceil(full / (multiple * widths)))
    return {min(least, full), full, *(n for n in range(step, full, step) if n > least)}


def points(axes: Grid) -> list[tuple[Layer, Widths]]:
    """Every entry, in a fixed order."""
    return [(layer, w) for layer in axes for w in itertools.product(*axes[layer])]


def count(network: nn.Module, shape: Sequence[int], **how: int | None) -> int:
    """Entries of a table, without timing anything; arguments as for `grid`."""
    return len(points(grid(network, shape, **how)))
