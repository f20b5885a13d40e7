"""Entries timed among others, as they run in a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lwsurvey.latency.lookup.deal import Point, Window
from lwsurvey.latency.lookup.layers import Layer, Widths, module, shapes
from lwsurvey.latency.steps import Step, steps

Shape = tuple[int, ...]


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


def timed(windows: Sequence[Window], how: How) -> Part:
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

    def of(self, number: int, shape: Shape) -> Tensor:
        """The first or the second input of a piece."""
        size = math.prod(shape)
        if number not in self.made or len(self.made[number]) < size:
            self.made[number] = torch.empty(size, device=self.how.device)
        flat = self.made[number][:size]
        if len(shape) < 4 or not self.how.channels_last:
            return flat.view(shape)
        batch, channels, rows, columns = shape
        return flat.view(batch, rows, columns, channels).permute(0, 3, 1, 2)
