"""Seconds of one layer over its widths: linear between what was measured, nothing beyond."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Mapping

from lwsurvey.latency.lookup.errors import TableError
from lwsurvey.latency.lookup.grid import Axis
from lwsurvey.latency.lookup.layers import KINDS, Layer, Widths


def seconds(
    layer: Layer, axes: tuple[Axis, ...], known: Mapping[Widths, float], at: Widths
) -> float:
    """Seconds of a piece, interpolated along each of its widths.

    Args:
        layer: for the message.
        axes: measured values of each width, ascending.
        known: seconds at all their combinations.
        at: the widths in question.

    Raises:
        TableError: a width below the least or above the greatest that was measured.
    """
    corners = [
        _between(layer, i, axis, x) for i, (axis, x) in enumerate(zip(axes, at, strict=True))
    ]
    total = 0.0
    for chosen in itertools.product(*corners):
        weight = 1.0
        for _, share in chosen:
            weight *= share
        total += weight * known[tuple(width for width, _ in chosen)]
    return total


def _between(layer: Layer, i: int, axis: Axis, x: int) -> tuple[tuple[int, float], ...]:
    """The measured widths on both sides of one, with their shares; one alone if it is measured."""
    place = bisect_left(axis, x)
    if place < len(axis) and axis[place] == x:
        return ((x, 1.0),)
    if place in (0, len(axis)):
        raise TableError(
            f"{layer}: {KINDS[layer.kind].widths[i]} = {x} is outside of what was measured, "
            f"{axis[0]} to {axis[-1]}; build the table from a network as wide, or with `least`"
        )
    low, high = axis[place - 1], axis[place]
    share = (x - low) / (high - low)
    return ((low, 1 - share), (high, share))
