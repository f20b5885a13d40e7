"""Which widths of a network's pieces are timed, among which others, and how."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lwsurvey.latency.lookup.cut import cut
from lwsurvey.latency.lookup.layers import Layer, Piece, TableError, Widths, module, shapes
from lwsurvey.latency.rounds import Step, steps

Axis = tuple[int, ...]
Grid = dict[Layer, tuple[Axis, ...]]
"""For each layer the measured values of each of its widths, ascending."""

Point = tuple[Layer, Widths]

Window = list[Point]
"""Pieces in the order of a network, each with widths of its own."""

WIDTHS, MULTIPLE = 8, 8
# Of the place of an entry among those of its layer, from the narrowest at 0 to the widest at 1.
_JITTER = 0.15


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


class How(NamedTuple):
    """How entries are timed; see `lwsurvey.latency.lookup.build`."""

    device: str = "cpu"
    threads: int = 1
    channels_last: bool = True
    rounds: int = 15
    deals: int = 3


class Entry(NamedTuple):
    """One measured piece.

    Attributes:
        layer, widths: which.
        seconds: median of a call.
    """

    layer: Layer
    widths: Widths
    seconds: float


class Part(NamedTuple):
    """Windows that were timed one after the other.

    Attributes:
        entries: the same one several times, if it stood in several places.
        seconds: that the part took.
        disturbances: what disturbed it, pairs of a kind and a sentence.
    """

    entries: tuple[Entry, ...]
    seconds: float
    disturbances: tuple[tuple[str, str], ...]


def measure(windows: Sequence[Window], how: How) -> Part:
    """Time the pieces of some windows, window by window.

    A piece finds its input freshly written, as the piece before it leaves it in a network; its
    weights and its code are where they are after the other pieces of the window have run.
    """
    maps = _Maps(how)
    entries, seconds, found = [], 0.0, {}
    for window in windows:
        sequence = [_step(point, maps, how) for point in window]
        with torch.inference_mode():
            seen = steps(sequence, device=how.device, threads=how.threads, rounds=how.rounds)
        medians = np.median(seen.times.to_numpy(), axis=0).tolist()
        entries += [Entry(*point, t) for point, t in zip(window, medians, strict=True)]
        seconds += seen.seconds
        found |= {d.kind: d.sentence for d in seen.found}
    return Part(tuple(entries), seconds, tuple(found.items()))


def _step(point: Point, maps: _Maps, how: How) -> Step:
    layout = torch.channels_last if how.channels_last else torch.contiguous_format
    piece = module(*point).to(how.device, memory_format=layout)
    inputs = [maps.of(i, shape) for i, shape in enumerate(shapes(*point))]

    def written() -> None:
        for x in inputs:
            x.fill_(0.5)

    return written, _called(piece, inputs)


def _called(piece: Callable[..., Tensor], inputs: list[Tensor]) -> Callable[[], object]:
    def run() -> object:
        return piece(*inputs)

    return run


class _Maps:
    """Inputs of all pieces, in the same memory."""

    def __init__(self, how: How) -> None:
        self.how, self.made = how, {}

    def of(self, number: int, shape: tuple[int, ...]) -> Tensor:
        """The first or the second input of a piece."""
        size = math.prod(shape)
        if number not in self.made or len(self.made[number]) < size:
            self.made[number] = torch.empty(size, device=self.how.device)
        flat = self.made[number][:size]
        if len(shape) < 4 or not self.how.channels_last:
            return flat.view(shape)
        batch, channels, rows, columns = shape
        return flat.view(batch, rows, columns, channels).permute(0, 3, 1, 2)
