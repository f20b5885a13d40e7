"""What `compare` can tell and what not: its answers where the right one is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from scipy import stats
from torch.nn import functional as F

from lwsurvey.latency import load as load_processes
from lwsurvey.latency.compare import compare
from lwsurvey.latency.comparison import Comparison
from lwsurvey.stats import CONFIDENCE, Estimate

Work = Callable[[], object]


@dataclass(frozen=True)
class Calibration:
    """Comparisons of a thing with itself.

    Attributes:
        comparisons: how many.
        different: how many came out "different".
        without_widening: how many would have, had disturbances neither widened the intervals nor
            kept the comparison from being judged.
        not_judged: how many were not judged.
        disturbed: in how many a disturbance was seen.
        seconds: that all took.
    """

    comparisons: int
    different: int
    without_widening: int
    not_judged: int
    disturbed: int
    seconds: float

    @property
    def rate(self) -> Estimate:
        """False verdicts in per cent of all comparisons."""
        return per_cent(self.different, self.comparisons)


@dataclass(frozen=True)
class Power:
    """Comparisons of a thing with another that does ``ratio`` times its work.

    Attributes:
        ratio: the known ratio of the times.
        comparisons: how many.
        told_apart: how many found the right one slower.
        wrong_way: how many found the right one faster.
        contain: how many intervals contain the known ratio.
        seconds: that all took.
    """

    ratio: float
    comparisons: int
    told_apart: int
    wrong_way: int
    contain: int
    seconds: float

    @property
    def power(self) -> Estimate:
        """Comparisons that told the two apart, in per cent."""
        return per_cent(self.told_apart, self.comparisons)

    @property
    def coverage(self) -> Estimate:
        """Intervals that contain the known ratio, in per cent."""
        return per_cent(self.contain, self.comparisons)


def per_cent(found: int, of: int) -> Estimate:
    """A share in per cent with its exact interval (Clopper and Pearson 1934)."""
    interval = stats.binomtest(found, of).proportion_ci(CONFIDENCE, "exact")
    # Rounding must not put a share of 0 or 1 outside of its interval.
    low, high = min(interval.low, found / of), max(interval.high, found / of)
    return Estimate(100 * found / of, 100 * low, 100 * high, of)


def false_verdicts(
    comparisons: int = 200, *, seed: int = 0, budget: float = 0.25, load: int = 1, threads: int = 1
) -> Calibration:
    """Compare things with themselves, and count how often they come out "different".

    One third of the comparisons is bound by computing, one by memory and one by the overhead
    of a call. Both competitors have buffers of their own.

    Args:
        comparisons: how many.
        seed: of the first one's order; the others' follow.
        budget: seconds for each.
        load: other processes that compute meanwhile.
        threads: of each competitor; with more than one, a loaded machine judges nothing.
    """
    begun = time.perf_counter()
    seen = list(_series(comparisons, 1, 1, seed, budget, load, threads))
    return Calibration(
        comparisons,
        sum(_different(c) for c in seen),
        sum(_different(replace(c, widen=False)) for c in seen),
        sum(bool(c.unjudged) for c in seen),
        sum(bool(c.disturbances) for c in seen),
        time.perf_counter() - begun,
    )


def power(
    ratio: float = 1.1,
    comparisons: int = 60,
    *,
    seed: int = 0,
    budget: float = 0.25,
    load: int = 1,
) -> Power:
    """Compare things with others that do ``ratio`` times their work, in equal portions.

    Args:
        ratio: above 1; taken as the nearest fraction whose denominator is at most 20.
        comparisons, seed, budget, load: as for `false_verdicts`.

    Raises:
        ValueError: the ratio is not above 1.
    """
    parts = Fraction(ratio).limit_denominator(20)
    if not parts > 1:
        raise ValueError(f"the ratio must be above 1, not {ratio}")
    more, fewer = parts.numerator, parts.denominator
    begun, seen = time.perf_counter(), list(_series(comparisons, more, fewer, seed, budget, load))
    verdicts = [c.verdict("a", "b") for c in seen]
    found = [c.ratio("a", "b") for c in seen]
    return Power(
        float(parts),
        comparisons,
        verdicts.count("slower"),
        verdicts.count("faster"),
        sum(r.low <= parts <= r.high for r in found),
        time.perf_counter() - begun,
    )


def _series(
    comparisons: int, a: int, b: int, seed: int, budget: float, load: int, threads: int = 1
) -> Iterator[Comparison]:
    """Comparisons of ``a`` portions with ``b`` portions of the same work, under load."""
    if comparisons < 1:
        raise ValueError(f"comparisons must be positive, not {comparisons}")
    with load_processes.running(load):
        for i in range(comparisons):
            kind = KINDS[i % len(KINDS)]
            competitors = {"a": _portions(kind, a), "b": _portions(kind, b)}
            yield compare(competitors, budget=budget, seed=seed + i, threads=threads)


def _different(comparison: Comparison) -> bool:
    return comparison.verdict("a", "b") in ("faster", "slower")


def _portions(kind: Callable[[], Work], count: int) -> Work:
    work = kind()

    def run() -> None:
        for _ in range(count):
            work()

    return run


def _computing() -> Work:
    """A product of two square matrices that fit into the caches."""
    x, weight, out = torch.ones(128, 128), torch.ones(128, 128), torch.empty(128, 128)
    return lambda: torch.mm(x, weight, out=out)


def _moving() -> Work:
    """One pass over 4 MB, written to 4 MB: more than a core's own caches hold."""
    x = torch.ones(1_000_000)
    out = torch.empty_like(x)
    return lambda: torch.mul(x, 0.5, out=out)


def _calling() -> Work:
    """Sixteen numbers: nearly all of the time is the call."""
    x = torch.ones(16)
    return lambda: F.relu(x)


KINDS = (_computing, _moving, _calling)
