"""Searches replayed from the table: what they name in the end, and what they have seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lwsurvey.search import fronts, replay
from lwsurvey.search.controllers import Evolution, PolicyGradient, Random
from lwsurvey.search.replay import Array, Draws, Log, Objective

KINDS = {"policy gradient": PolicyGradient, "evolution": Evolution, "random": Random}
Settings = Mapping[str, float]


def search(
    kind: str, setting: Settings, draws: Draws, pay: Objective, evaluations: int, seed: int
) -> Log:
    """Search with a controller of one of `KINDS`; ``seed`` is that of all its choices."""
    controller = KINDS[kind](draws.repeats, seed, **setting)
    return replay.run(controller, draws, pay, evaluations, seed=seed + 1)


def picks(log: Log) -> NDArray[np.int64]:
    """The network with the highest reward so far, after each evaluation, shape as the log's."""
    running = np.maximum.accumulate(log.rewards, axis=1)
    higher = np.concatenate([np.full((len(running), 1), -np.inf), running[:, :-1]], axis=1)
    places = np.where(log.rewards > higher, np.arange(log.rewards.shape[1]), 0)
    return np.take_along_axis(log.networks, np.maximum.accumulate(places, axis=1), axis=1)


def exhaustive(draws: Draws, pay: Objective) -> NDArray[np.int64]:
    """The pick of somebody who sees all visible runs of all networks, shape ``(repeats,)``."""
    return pay(draws.seen.mean(axis=2), draws.latency).argmax(axis=1)


def regret(draws: Draws, log: Log, pay: Objective) -> Array:
    """Reward that an exhaustive search has more than the pick, by the runs held back, in points.

    Shape as the log's; below 0 where the search was luckier.
    """
    every = np.column_stack([exhaustive(draws, pay), picks(log)])
    rows = np.arange(draws.repeats)[:, None]
    worth = 100 * pay(draws.held[rows, every], draws.latency[every])
    return worth[:, :1] - worth[:, 1:]


def coverage(draws: Draws, log: Log, evaluations: int) -> Array:
    """Hypervolume of the first networks of each search, in % of that of all, by the runs held back.

    The reference point is the slowest network and the lowest mean accuracy of the table.
    """
    reference = float(draws.latency.max()), float(draws.held.mean(axis=0).min())
    visits = (np.unique(row[:evaluations]) for row in log.networks)
    return np.array([
        100 * fronts.hypervolume(draws.latency[some], held[some], reference)
        / fronts.hypervolume(draws.latency, held, reference)
        for held, some in zip(draws.held, visits, strict=True)
    ])  # fmt: skip


def front_sizes(draws: Draws, log: Log) -> NDArray[np.int64]:
    """Number of different networks, of those that a search visited, that no other dominates."""
    visits = [np.unique(row) for row in log.networks]
    pairs = zip(draws.held, visits, strict=True)
    return np.array([fronts.front(draws.latency[v], held[v]).sum() for held, v in pairs])


def front_exponent(latency: Array, accuracy: Array) -> float:
    """The exponent for which the networks of the front are worth alike, on the whole.

    Minus the slope of log accuracy against log latency along the Pareto front: the paper's
    rule, with what doubling the time brings here in the place of its 5 %.
    """
    on = fronts.front(latency, accuracy)
    return -float(np.polyfit(np.log(latency[on]), np.log(accuracy[on]), 1)[0])
