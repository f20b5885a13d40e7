"""Choosing by time or by MACs, any blocks or one block, by hand; and the runs that judge it.

Whoever chooses sees the runs of the table; what was chosen is judged by further trainings.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lwsurvey.chapters.mnasnet_search import experiment
from lwsurvey.search import replay, space
from lwsurvey.search.replay import Array, Draws
from lwsurvey.search.reward import reward
from lwsurvey.search.table import Table
from lwsurvey.stats import Estimate, normal_interval

HAND = ("s3n1", "s3w1", "s3n2", "s3w2", "i3n1", "i3w1", "i3n2+", "i3w2+")
"""Blocks of the kinds that people made: V1's separable layer, V2's inverted one with its skip."""
NAMES = [space.name(one) for one in space.architectures()]
BY_HAND = np.array([NAMES.index(f"{block}-{block}") for block in HAND])
UNIFORM = np.array([first == second for first, second in space.architectures()])
"""Which networks repeat one block."""
JUDGED = dict(repeats=300, seed=12)
"""Draws of the table whose choices are trained further."""
COMPARED = {"measuring": ("time", "MACs"), "freedom": ("any blocks", "one block")}

Places = NDArray[np.int64]


def budgets(latency: Array) -> Array:
    """The nine deciles of the latencies."""
    return np.quantile(latency, np.linspace(0.1, 0.9, 9))


def predict(draws: Draws) -> Array:
    """Time by MACs, in seconds: the power law through all networks, a line in logarithms."""
    work = np.log(draws.macs)
    return np.exp(np.polyval(np.polyfit(work, np.log(draws.latency), 1), work))


def choose(draws: Draws, allowed: NDArray[np.bool_] | bool = True) -> dict[str, Places]:
    """The most accurate network that can be had, by what can be seen, for each budget.

    Args:
        draws: of the table.
        allowed: networks that there are, shape ``(n,)``.

    Returns:
        Shape ``(budgets, repeats)``. ``MACs``: within the budget by `predict`; ``time``: within
        the real time of that one; ``any blocks`` and ``one block``: within the budget.
    """
    seen = np.where(allowed, draws.seen.mean(axis=2), -1.0)

    def best(affordable: NDArray[np.bool_]) -> Places:
        return np.where(affordable, seen, -1.0).argmax(axis=1)

    found, latency, expected = [], draws.latency, predict(draws)
    for budget in budgets(latency):
        counted, within = best(expected <= budget), latency <= budget
        measured = best(latency <= latency[counted][:, None])
        found.append((counted, measured, best(within), best(within & UNIFORM)))
    names = ("MACs", "time", "any blocks", "one block")
    return dict(zip(names, np.stack(found, axis=1), strict=True))


def hand_made_rivals(draws: Draws, found: Places) -> Places:
    """The best hand-made network, by what can be seen, of no more time than each found one.

    The fastest one where none is as fast. Shape ``(repeats,)``, as ``found``.
    """
    times = draws.latency[BY_HAND]
    within = times <= np.maximum(draws.latency[found], times.min())[:, None]
    seen = draws.seen[:, BY_HAND].mean(axis=2)
    return BY_HAND[np.where(within, seen, -1.0).argmax(axis=1)]


def networks_to_judge(table: Table) -> list[space.Architecture]:
    """Every network that is chosen in one of the draws of `JUDGED`, and the hand-made ones.

    Chosen within a budget, or for the highest reward, with the exponent of the table's front.
    """
    draws, every = replay.draw(table.networks, table.runs, **JUDGED), space.architectures()
    w = experiment.front_exponent(draws.latency, table.accuracy("validation").to_numpy())
    best = experiment.exhaustive(draws, partial(reward, target=1.0, alpha=w, beta=w))
    chosen = np.concatenate([*choose(draws).values(), [best]]).ravel()
    return [every[place] for place in np.union1d(chosen, BY_HAND)]


def judges(runs: pd.DataFrame) -> Array:
    """Test accuracies of the judging runs, shape ``(n, seeds)``; NaN where there are none."""
    return runs.pivot(index="network", columns="seed", values="test").reindex(NAMES).to_numpy()


def judge(draws: Draws, judged: Array, networks: Places) -> Array:
    """Mean test accuracy of networks by the judging runs, or else by the run held back, in %.

    Args:
        draws: of the table.
        judged: as `judges` gives it.
        networks: shape ``(..., repeats)``.
    """
    held = 100 * draws.held[np.arange(draws.repeats), networks]
    mean = judged.mean(axis=1)[networks]
    return np.where(np.isnan(mean), held, mean)


def advantages(draws: Draws, judged: Array, replicates: int, part: int = 30) -> dict[str, Estimate]:
    """The mean differences of `COMPARED`, over budgets and draws, in points of accuracy.

    Bootstrap over the networks of the space and the seeds of the judging runs; each replicate is
    a mean over ``part`` of the draws.
    """

    def means(draws: Draws, judged: Array, allowed: NDArray[np.bool_] | bool = True) -> list[float]:
        by = {name: judge(draws, judged, p) for name, p in choose(draws, allowed).items()}
        return [float((by[a] - by[b]).mean()) for a, b in COMPARED.values()]

    rng, (n, seeds), again = np.random.default_rng(0), judged.shape, []
    for _ in range(replicates):
        some = rng.integers(draws.repeats, size=part)
        allowed = np.isin(np.arange(n), rng.integers(n, size=n))
        few = replace(draws, seen=draws.seen[some], held=draws.held[some])
        again.append(means(few, judged[:, rng.integers(seeds, size=seeds)], allowed))
    found = zip(COMPARED, means(draws, judged), np.std(again, axis=0), strict=True)
    return {name: normal_interval(*one, seeds) for name, *one in found}


def gain(
    draws: Draws, judged: Array, found: Places, rivals: Places, replicates: int = 400
) -> Estimate:
    """Accuracy of what searches found minus that of their rivals, in points.

    Bootstrap over searches, then over the different networks found, and over the judging seeds.
    """

    def each(judged: Array) -> Array:
        return judge(draws, judged, found) - judge(draws, judged, rivals)

    rng, seeds, again = np.random.default_rng(0), judged.shape[1], []
    for _ in range(replicates):
        some = rng.integers(len(found), size=len(found))
        gains = each(judged[:, rng.integers(seeds, size=seeds)])[some]
        _, group = np.unique(found[some], return_inverse=True)
        drawn = rng.integers(group.max() + 1, size=group.max() + 1)
        again.append(np.bincount(group, gains)[drawn].sum() / np.bincount(group)[drawn].sum())
    return normal_interval(each(judged).mean(), np.std(again), seeds)
