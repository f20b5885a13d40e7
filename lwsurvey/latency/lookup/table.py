"""A table of latencies, and what it says of a network."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from lwsurvey.latency.lookup.cut import cut
from lwsurvey.latency.lookup.layers import KINDS, Layer, Piece, TableError, Widths
from lwsurvey.latency.lookup.timing import Axis, Grid, How, Part, Point


@dataclass(frozen=True)
class Table:
    """Seconds of the pieces of a network and of all narrower ones of its kind.

    Attributes:
        axes: for each layer the measured values of its widths.
        how: it was timed.
        made: where and with what, as `lwsurvey.provenance`, and the input's ``shape``.
        parts: the measurements.
        path: of the folder that keeps it.
    """

    axes: Grid
    how: How
    made: Mapping[str, Any]
    parts: tuple[Part, ...]
    path: Path

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the networks' input, ``(batch, channels, rows, columns)``."""
        return tuple(self.made["shape"])

    @property
    def seconds(self) -> float:
        """That the measurements took."""
        return sum(part.seconds for part in self.parts)

    @property
    def disturbed(self) -> tuple[str, ...]:
        """What disturbed the measurements, a sentence for each kind; empty on a quiet machine."""
        told = dict(told for part in self.parts for told in part.disturbances)
        often = Counter(kind for part in self.parts for kind, _ in part.disturbances)
        n = len(self.parts)
        return tuple(f"in {often[kind]} of {n} parts {told[kind]}" for kind in sorted(told))

    @property
    def entries(self) -> pd.DataFrame:
        """One row an entry: ``kind``, ``K``, ``stride``, ``H``, ``W`` (output map),
        ``activation``, ``N``, ``M`` (0 where a piece has one width), ``seconds``; and
        ``spread``, the largest over the smallest of its medians behind other neighbours."""
        return pd.DataFrame([_row(*item) for item in self.observed().items()])

    def pieces(self, network: nn.Module) -> list[Piece]:
        """The pieces of a network, as `lookup.cut` finds them for the table's input."""
        return cut(network, self.shape)

    def estimate(self, network: nn.Module) -> float:
        """Seconds of a network: the plain sum over its pieces.

        Args:
            network: of pieces that the table has, as wide or narrower; on any device. It is
                not run.

        Raises:
            TableError: a piece that the table lacks, or a width beyond what was measured.
        """
        return self.of(self.pieces(network))

    def of(self, pieces: Sequence[Piece]) -> float:
        """Seconds of pieces, summed; as `estimate`."""
        return sum(self.piece(piece) for piece in pieces)

    def piece(self, piece: Piece) -> float:
        """Seconds of one piece; as `estimate`."""
        key = piece.layer, piece.widths
        if key not in self._pieces:
            if piece.layer not in self.axes:
                raise TableError(
                    f"{piece.name}: the table has no {piece.layer}, batch {piece.layer.batch}; "
                    "it is for networks that differ from its own in widths alone"
                )
            self._pieces[key] = _interpolate(*key, self.axes[key[0]], self._known[key[0]])
        return self._pieces[key]

    def by_piece(self, network: nn.Module) -> pd.DataFrame:
        """One row a piece: ``piece``, ``kind``, ``N``, ``M`` (0 without one), ``seconds``."""
        rows = []
        for piece in self.pieces(network):
            N, M = (*piece.widths, 0)[:2]
            row = {"piece": piece.name, "kind": piece.layer.kind, "N": N, "M": M}
            rows.append(row | {"seconds": self.piece(piece)})
        return pd.DataFrame(rows)

    def observed(self) -> dict[Point, list[float]]:
        """Medians of each entry, one for each of its places among other pieces."""
        found: dict[Point, list[float]] = defaultdict(list)
        for part in self.parts:
            for entry in part.entries:
                found[entry.layer, entry.widths].append(entry.seconds)
        return dict(found)

    @cached_property
    def _known(self) -> dict[Layer, dict[Widths, float]]:
        known: dict[Layer, dict[Widths, float]] = {}
        for (layer, widths), seen in self.observed().items():
            known.setdefault(layer, {})[widths] = float(np.median(seen))
        return known

    @cached_property
    def _pieces(self) -> dict[Point, float]:
        """Seconds that were interpolated before."""
        return {}


def _row(point: Point, seen: list[float]) -> dict[str, object]:
    layer, widths = point
    N, M = (*widths, 0)[:2]
    facts = ("kind", "K", "stride", "H", "W", "activation")
    times = {"seconds": float(np.median(seen)), "spread": max(seen) / min(seen)}
    return {name: getattr(layer, name) for name in facts} | {"N": N, "M": M} | times


def _interpolate(
    layer: Layer, at: Widths, axes: tuple[Axis, ...], known: Mapping[Widths, float]
) -> float:
    """Seconds of a piece over its widths: linear between what was measured, nothing beyond.

    Args:
        layer: for the message.
        at: the widths in question.
        axes: measured values of each width, ascending.
        known: seconds at all their combinations.

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
