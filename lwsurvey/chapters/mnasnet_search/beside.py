"""Searched networks against hand-made ones, and estimates with their intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats as distributions

from lwsurvey.search import space
from lwsurvey.search.replay import Draws
from lwsurvey.stats import CONFIDENCE, Estimate, mean_interval

HAND = ("s3n1", "s3w1", "s3n2", "s3w2", "i3n1", "i3w1", "i3n2+", "i3w2+")
"""Blocks of the kinds that people made: V1's separable layer, V2's inverted one with its skip."""


def by_hand(draws: Draws, found: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each found network the uniform hand-made one that it must beat, shape as ``found``.

    Uniform is one block of `HAND`, repeated. It is the one of fewest MACs among those with no
    fewer than the found network; the one of most, if none has as many.
    """
    names = [space.name(one) for one in space.architectures()]
    places = np.array([names.index(f"{block}-{block}") for block in HAND])
    places = places[np.argsort(draws.macs[places])]
    first = np.searchsorted(draws.macs[places], draws.macs[found])
    return places[np.minimum(first, len(places) - 1)]


def gain_over(
    draws: Draws, found: NDArray[np.int64], others: NDArray[np.int64], noise: float
) -> Estimate:
    """Held-back accuracy of picked networks minus that of others, in points.

    The interval has two parts that add as squares: Student's, over the repeats, and what the
    few trainings of the networks leave open however often a search is repeated. For the latter
    each network counts by how often it was picked; of a found one as with a single training,
    because it tends to be found where the same run is held back.

    Args:
        draws: of the searches.
        found: shape ``(repeats,)``.
        others: what each is compared with, shape ``(repeats,)``.
        noise: standard deviation of one training, in points.
    """
    rows = np.arange(draws.repeats)
    one = mean_interval(100 * (draws.held[rows, found] - draws.held[rows, others]))
    n, runs = draws.held.shape[1], draws.seen.shape[2] + 1
    squares = [((np.bincount(w, minlength=n) / len(w)) ** 2).sum() for w in (found, others)]
    z = distributions.norm.ppf((1 + CONFIDENCE) / 2)
    fixed = z * noise * np.sqrt(squares[0] + squares[1] / runs)
    half = float(np.hypot((one.high - one.low) / 2, fixed))
    seen = half / z * (z + distributions.norm.ppf(0.8))
    return replace(one, low=one.value - half, high=one.value + half, detectable=float(seen))


def share_found(hits: NDArray[np.bool_]) -> Estimate:
    """A share in 0 to 1 with the exact interval of Clopper and Pearson."""
    found = distributions.binomtest(int(hits.sum()), len(hits))
    interval = found.proportion_ci(CONFIDENCE)
    value = float(hits.mean())
    seen = float(interval.high - interval.low) / 2 * 1.43
    return Estimate(value, float(interval.low), float(interval.high), len(hits), seen)


def chance(evaluations: int, networks: int) -> float:
    """Probability that random search, which draws with replacement, meets the one best network."""
    return 1 - (1 - 1 / networks) ** evaluations


def above_chance(hits: NDArray[np.bool_], evaluations: int, networks: int) -> Estimate:
    """`share_found` minus `chance`, which is known exactly."""
    share, by_luck = share_found(hits), chance(evaluations, networks)
    ends = (x - by_luck for x in (share.value, share.low, share.high))
    return Estimate(*ends, share.n, share.detectable)
