"""Searches replayed from the table: their picks, regret and coverage, and rivals made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats as distributions

from lwsurvey.search import fronts, replay, space
from lwsurvey.search.controllers import Controller, Evolution, PolicyGradient, Random
from lwsurvey.search.replay import Array, Draws, Log, Objective
from lwsurvey.search.reward import reward
from lwsurvey.stats import CONFIDENCE, Estimate, mean_interval

GRID = {
    "policy gradient": [{"rate": rate} for rate in (0.5, 1, 2, 4, 8, 16)],
    "evolution": [
        {"population": P, "tournament": S}
        for P, S in ((10, 3), (20, 5), (20, 10), (40, 10), (40, 20), (80, 20))
    ],
    "random": [{}],
}
"""Settings that are tried for each controller, as many for the two that have any."""

KINDS: dict[str, type] = {
    "policy gradient": PolicyGradient,
    "evolution": Evolution,
    "random": Random,
}

HAND = ("s3n1", "s3w1", "s3n2", "s3w2", "i3n1", "i3w1", "i3n2+", "i3w2+")
"""Blocks of the kinds that people made: V1's separable layer, V2's inverted one with its skip."""


def objective(target: float, exponents: tuple[float, float]) -> Objective:
    """The reward as the replay wants it.

    Args:
        target: seconds.
        exponents: alpha and beta, such as `lwsurvey.search.reward.SOFT`.
    """
    return lambda accuracy, latency: reward(accuracy, latency, target, *exponents)


def search(
    name: str,
    setting: Mapping[str, float],
    draws: Draws,
    objective: Objective,
    evaluations: int,
    seed: int,
) -> Log:
    """Search with one controller; ``seed`` is that of all its choices."""
    controller: Controller = KINDS[name](draws.repeats, seed, **setting)
    return replay.run(controller, draws, objective, evaluations, seed=seed + 1)


def picks(log: Log) -> NDArray[np.int64]:
    """The network with the highest reward so far, after each evaluation, shape as the log's."""
    running = np.maximum.accumulate(log.rewards, axis=1)
    higher = np.concatenate([np.full((len(running), 1), -np.inf), running[:, :-1]], axis=1)
    places = np.where(log.rewards > higher, np.arange(log.rewards.shape[1]), 0)
    best = np.maximum.accumulate(places, axis=1)
    return np.take_along_axis(log.networks, best, axis=1)


def exhaustive(draws: Draws, objective: Objective) -> NDArray[np.int64]:
    """The pick of somebody who sees all visible runs of all networks, shape ``(repeats,)``."""
    return objective(draws.seen.mean(axis=2), draws.latency).argmax(axis=1)


def held_back_rewards(draws: Draws, networks: NDArray[np.int64], objective: Objective) -> Array:
    """Rewards of networks by the runs held back, shape ``(repeats, ...)``."""
    rows = np.arange(draws.repeats).reshape(-1, *[1] * (networks.ndim - 1))
    return objective(draws.held[rows, networks], draws.latency[networks])


def regret(draws: Draws, log: Log, objective: Objective) -> Array:
    """Held-back reward that an exhaustive search has more than the pick, in points.

    Shape as the log's; below 0 where the search was luckier.
    """
    best = held_back_rewards(draws, exhaustive(draws, objective), objective)
    return 100 * (best[:, None] - held_back_rewards(draws, picks(log), objective))


def tune(draws: Draws, objective: Objective, evaluations: int, seed: int) -> pd.DataFrame:
    """Every setting of `GRID` and its mean final regret; the least of a controller is taken.

    Args:
        draws: of other repeats than those that are reported.
        objective: another reward than the reported one.
        evaluations: as reported.
        seed: of the searches.

    Returns:
        Columns ``controller``, ``setting`` (dict), ``regret`` (points), ``taken``.
    """
    rows = []
    for name, settings in GRID.items():
        for setting in settings:
            log = search(name, setting, draws, objective, evaluations, seed)
            final = regret(draws, log, objective)[:, -1].mean()
            rows.append({"controller": name, "setting": setting, "regret": final})
    table = pd.DataFrame(rows)
    least = table.groupby("controller").regret.transform("min")
    return table.assign(taken=table.regret == least)


def coverage(draws: Draws, log: Log, evaluations: int) -> Array:
    """Hypervolume of the first networks of each repeat, in % of that of all networks.

    Accuracies are those of the runs held back. The reference point is the slowest network and
    the lowest mean accuracy of the table.

    Returns:
        Shape ``(repeats,)``.
    """
    reference = float(draws.latency.max()), float(draws.held.mean(axis=0).min())

    def area(held: Array, networks: NDArray[np.int64] | slice) -> float:
        return fronts.hypervolume(draws.latency[networks], held[networks], reference)

    visited = (np.unique(row[:evaluations]) for row in log.networks)
    pairs = zip(draws.held, visited, strict=True)
    return np.array([100 * area(held, some) / area(held, slice(None)) for held, some in pairs])


def front_sizes(draws: Draws, log: Log) -> NDArray[np.int64]:
    """How many different networks that a repeat visited no other one that it visited dominates."""
    counts = []
    for held, row in zip(draws.held, log.networks, strict=True):
        visited = np.unique(row)
        counts.append(fronts.front(draws.latency[visited], held[visited]).sum())
    return np.array(counts)


def front_exponent(latency: Array, accuracy: Array) -> float:
    """The exponent for which the networks of the front are worth alike, on the whole.

    Minus the slope of log accuracy against log latency along the Pareto front: the paper's
    rule, with what doubling the time brings here in the place of its 5 %.

    Args:
        latency: shape ``(n,)``.
        accuracy: shape ``(n,)``, in any unit.
    """
    on = fronts.front(latency, accuracy)
    return -float(np.polyfit(np.log(latency[on]), np.log(accuracy[on]), 1)[0])


def hand_made_rivals(draws: Draws, found: NDArray[np.int64]) -> NDArray[np.int64]:
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


def found_share(hits: NDArray[np.bool_]) -> Estimate:
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
    """`found_share` minus `chance`, which is known exactly."""
    share, by_luck = found_share(hits), chance(evaluations, networks)
    ends = (x - by_luck for x in (share.value, share.low, share.high))
    return Estimate(*ends, share.n, share.detectable)
