"""What this machine can do at most: arithmetic and traffic, measured."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lwsurvey.latency import Comparison
from lwsurvey.latency.roofline.estimates import held_out, positive
from lwsurvey.latency.roofline.jobs import GIGA, Job, job
from lwsurvey.stats import Estimate

FLOAT = 4  # bytes of a float32


@dataclass(frozen=True)
class Roofs:
    """The two limits of the roofline model (Williams et al. 2009).

    Attributes:
        peak: GMAC/s.
        cache: GB/s of the quickest triad, whose tensors stay in a cache.
        memory: GB/s of the largest triad.
    """

    peak: Estimate
    cache: Estimate
    memory: Estimate

    def ridge(self, bandwidth: float) -> float:
        """MACs per byte from which on arithmetic is the limit, for GB/s of ``bandwidth``."""
        return self.peak.value / bandwidth

    def attainable(self, intensity: float, bandwidth: float) -> float:
        """GMAC/s that the model allows at this intensity, for GB/s of ``bandwidth``."""
        return min(self.peak.value, intensity * bandwidth)


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def arithmetic(sides: Sequence[int], maps: Sequence[tuple[int, int]], device: str) -> dict:
    """Jobs that should reach the peak: square matrix products and dense convolutions.

    Args:
        sides: of the matrices.
        maps: channels (in and out) and side of the map of each 3 x 3 convolution.
        device: where they run.
    """
    found = {f"matrix product {n}": _product(n, device) for n in sides}
    for channels, side in maps:
        layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        shape = (1, channels, side, side)
        name = f"3×3 convolution {channels}, {side}²"
        found[name] = job(layer, shape, device=device, channels_last=True)
    return found


def _product(n: int, device: str) -> Job:
    a, b, out = (torch.rand(n, n, device=device) for _ in range(3))
    return Job(lambda: torch.mm(a, b, out=out), n**3, 3 * n * n * FLOAT)


def triads(mebibytes: Sequence[float], device: str) -> dict[str, Job]:
    """Jobs that only move data: a = b + 2 c over tensors that take so much together.

    The bytes are those that the program names: two operands and a result. Many processors
    read the line that they are going to overwrite, too.

    Raises:
        ValueError: not in ascending order.
    """
    if list(mebibytes) != sorted(mebibytes):
        raise ValueError(f"the sizes must ascend, they are {list(mebibytes)}")
    return {f"triad {size:g} MiB": _triad(size, device) for size in mebibytes}


def _triad(mebibytes: float, device: str) -> Job:
    elements = int(mebibytes * 2**20 / FLOAT / 3)
    a, b, c = (torch.ones(elements, device=device) for _ in range(3))
    return Job(lambda: torch.add(b, c, alpha=2.0, out=a), 2 * elements, 3 * elements * FLOAT)


def roofs(peaks: Mapping[str, Job], moves: Mapping[str, Job], comparison: Comparison) -> Roofs:
    """Peak and bandwidths from one comparison of both sets of jobs.

    Which job is the quickest is decided on half of the rounds, and how quick on the others.
    """
    macs = {name: work.macs / GIGA for name, work in peaks.items()}
    size = {name: work.bytes / GIGA for name, work in moves.items()}
    largest = list(size)[-1]
    return Roofs(
        peak=_best(macs, comparison),
        cache=_best(size, comparison),
        memory=positive(comparison, lambda times: size[largest] / times[largest]),
    )


def _best(work: Mapping[str, float], comparison: Comparison) -> Estimate:
    def quickest(times) -> str:
        return max(work, key=lambda name: work[name] / times[name].median())

    name, rest = held_out(comparison, quickest)
    return positive(rest, lambda times: work[name] / times[name])
