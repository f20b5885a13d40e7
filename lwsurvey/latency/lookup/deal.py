"""Which pieces run behind which while a table is measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from lwsurvey.latency.lookup.grid import Grid, points
from lwsurvey.latency.lookup.layers import Layer, Widths

Point = tuple[Layer, Widths]

Window = list[Point]
"""Pieces in the order of a network, each with widths of its own."""

# Of the place of an entry among those of its layer, from the narrowest at 0 to the widest at 1.
_JITTER = 0.15


def deal(order: Sequence[Layer], axes: Grid, rng: np.random.Generator) -> list[Window]:
    """Deal the entries of a table out to the places where their layers stand in the network.

    Wide pieces stand among wide ones and narrow among narrow ones, as in a network, where one
    piece's output is the next one's input: how much of the caches a piece finds in use depends
    on its neighbours.

    Args:
        order: the network's layers as they run.
        axes: what is measured.
        rng: of who stands beside whom, and of the order of the windows.

    Returns:
        Windows in which each entry is at least once; entries of layers with few of them stand
        in several.
    """
    entries: dict[Layer, list[Widths]] = {}
    for layer, widths in points(axes):
        entries.setdefault(layer, []).append(widths)
    sorted_ = {layer: _by_width(found, rng) for layer, found in entries.items()}
    places = Counter(order)
    count = max(math.ceil(len(entries[layer]) / places[layer]) for layer in places)
    taken: Counter[Layer] = Counter()
    windows: list[Window] = []
    for _ in range(count):
        windows.append([])
        for layer in order:
            at = taken[layer] * len(entries[layer]) // (count * places[layer])
            windows[-1].append((layer, sorted_[layer][at]))
            taken[layer] += 1
    return [windows[i] for i in rng.permutation(count)]


def _by_width(entries: list[Widths], rng: np.random.Generator) -> list[Widths]:
    """From the narrowest to the widest, not strictly."""
    table = np.asarray(entries, dtype=float)
    share = (table / table.max(axis=0)).mean(axis=1)
    rank = share.argsort(kind="stable").argsort() / max(1, len(entries) - 1)
    shaken = np.argsort(rank + rng.normal(0, _JITTER, len(entries)), kind="stable")
    return [entries[i] for i in shaken]
