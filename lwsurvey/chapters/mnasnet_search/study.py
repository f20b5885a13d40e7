"""What a search found: its pick, the regret, the area it covers, and differences of searches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lwsurvey.search import fronts, replay
from lwsurvey.search.controllers import Controller, Evolution, PolicyGradient, Random
from lwsurvey.search.replay import Array, Draws, Log, Objective
from lwsurvey.search.reward import reward

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
    pay: Objective,
    evaluations: int,
    seed: int,
) -> Log:
    """Search with one controller; ``seed`` is that of all its choices."""
    controller: Controller = KINDS[name](draws.repeats, seed, **setting)
    return replay.run(controller, draws, pay, evaluations, seed=seed + 1)


def picks(log: Log) -> NDArray[np.int64]:
    """The network with the highest reward so far, after each evaluation, shape as the log's."""
    running = np.maximum.accumulate(log.rewards, axis=1)
    higher = np.concatenate([np.full((len(running), 1), -np.inf), running[:, :-1]], axis=1)
    places = np.where(log.rewards > higher, np.arange(log.rewards.shape[1]), 0)
    best = np.maximum.accumulate(places, axis=1)
    return np.take_along_axis(log.networks, best, axis=1)


def exhaustive(draws: Draws, pay: Objective) -> NDArray[np.int64]:
    """The pick of somebody who sees all visible runs of all networks, shape ``(repeats,)``."""
    return pay(draws.seen.mean(axis=2), draws.latency).argmax(axis=1)


def truth(draws: Draws, networks: NDArray[np.int64], pay: Objective) -> Array:
    """Rewards of networks by the runs held back, shape ``(repeats, ...)``."""
    rows = np.arange(draws.repeats).reshape(-1, *[1] * (networks.ndim - 1))
    return pay(draws.held[rows, networks], draws.latency[networks])


def regret(draws: Draws, log: Log, pay: Objective) -> Array:
    """Held-back reward that an exhaustive search has more than the pick, in points.

    Shape as the log's; below 0 where the search was luckier.
    """
    best = truth(draws, exhaustive(draws, pay), pay)
    return 100 * (best[:, None] - truth(draws, picks(log), pay))


def tuned(draws: Draws, pay: Objective, evaluations: int, seed: int) -> pd.DataFrame:
    """Every setting of `GRID` and its mean final regret; the least of a controller is taken.

    Args:
        draws: of other repeats than those that are reported.
        pay: another reward than the reported one.
        evaluations: as reported.
        seed: of the searches.

    Returns:
        Columns ``controller``, ``setting`` (dict), ``regret`` (points), ``taken``.
    """
    rows = []
    for name, settings in GRID.items():
        for setting in settings:
            log = search(name, setting, draws, pay, evaluations, seed)
            final = regret(draws, log, pay)[:, -1].mean()
            rows.append({"controller": name, "setting": setting, "regret": final})
    table = pd.DataFrame(rows)
    least = table.groupby("controller").regret.transform("min")
    return table.assign(taken=table.regret == least)


def covered(draws: Draws, log: Log, evaluations: int) -> Array:
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


def non_dominated(draws: Draws, log: Log) -> NDArray[np.int64]:
    """How many different networks that a repeat visited no other one that it visited dominates."""
    counts = []
    for held, row in zip(draws.held, log.networks, strict=True):
        visited = np.unique(row)
        counts.append(fronts.front(draws.latency[visited], held[visited]).sum())
    return np.array(counts)


def trade(latency: Array, accuracy: Array) -> float:
    """The exponent for which the networks of the front are worth alike, on the whole.

    Minus the slope of log accuracy against log latency along the Pareto front: the paper's
    rule, with what doubling the time brings here in the place of its 5 %.

    Args:
        latency: shape ``(n,)``.
        accuracy: shape ``(n,)``, in any unit.
    """
    on = fronts.front(latency, accuracy)
    return -float(np.polyfit(np.log(latency[on]), np.log(accuracy[on]), 1)[0])
