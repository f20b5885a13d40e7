"""A table of latencies, and what it says of a network."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from lwsurvey.latency.lookup import surface
from lwsurvey.latency.lookup.cut import cut
from lwsurvey.latency.lookup.deal import Point
from lwsurvey.latency.lookup.errors import TableError
from lwsurvey.latency.lookup.grid import Grid
from lwsurvey.latency.lookup.layers import Layer, Piece, Widths
from lwsurvey.latency.lookup.measure import How, Part
from lwsurvey.latency.lookup.retimed import Check, retimed


@dataclass(frozen=True)
class Table:
    """Seconds of the pieces of a network and of all narrower ones of its kind.

    Attributes:
        order: the layers of the network, as they run.
        axes: for each layer the measured values of its widths.
        how: it was timed.
        made: where and with what, as `lwsurvey.provenance`, and the input's ``shape``.
        parts: the measurements.
        path: of the file.
    """

    order: tuple[Layer, ...]
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
            axes = self.axes[piece.layer]
            at = piece.widths
            self._pieces[key] = surface.seconds(piece.layer, axes, self._known[piece.layer], at)
        return self._pieces[key]

    def by_piece(self, network: nn.Module) -> pd.DataFrame:
        """One row a piece: ``piece``, ``kind``, ``N``, ``M`` (0 without one), ``seconds``."""
        rows = []
        for piece in self.pieces(network):
            N, M = (*piece.widths, 0)[:2]
            row = {"piece": piece.name, "kind": piece.layer.kind, "N": N, "M": M}
            rows.append(row | {"seconds": self.piece(piece)})
        return pd.DataFrame(rows)

    def check(self, windows: int = 4, seed: int = 1) -> Check:
        """Time some entries again, and see whether they are what the table says.

        Args:
            windows: so many times the number of the network's pieces are timed.
            seed: of the choice.
        """
        return retimed(self, windows, seed)

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
