"""Choosing within a budget: by time or by MACs, among all networks or among cells; and the judges.

Whoever chooses sees the runs of the table; what was chosen is judged by further trainings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lwsurvey.chapters.mnasnet_search import experiment
from lwsurvey.search import replay, space
from lwsurvey.search.replay import Array, Draws
from lwsurvey.search.table import Table

HAND = ("s3n1", "s3w1", "s3n2", "s3w2", "i3n1", "i3w1", "i3n2+", "i3w2+")
"""Blocks of the kinds that people made: V1's separable layer, V2's inverted one with its skip."""

UNIFORM = np.array([first == second for first, second in space.architectures()])
"""Which networks repeat one block."""

JUDGED = dict(repeats=300, seed=12)
"""Draws of the table whose choices are trained further."""

Places = NDArray[np.int64]


def budgets(latency: Array) -> Array:
    """The nine deciles of the latencies."""
    return np.quantile(latency, np.linspace(0.1, 0.9, 9))


def predict(draws: Draws) -> Array:
    """Time by MACs, in seconds: the power law through all networks, a line in logarithms."""
    work = np.log(draws.macs)
    return np.exp(np.polyval(np.polyfit(work, np.log(draws.latency), 1), work))


def choose(draws: Draws, allowed: NDArray[np.bool_] | None = None) -> dict[str, Places]:
    """The most accurate network that can be had, by what can be seen, for each budget.

    Args:
        draws: of the table.
        allowed: networks that there are, shape ``(n,)``; all if not given.

    Returns:
        Shape ``(budgets, repeats)``. ``MACs``: within the budget by `predict`; ``time``: within
        the real time of that one; ``any blocks`` and ``one block``: within the budget.
    """
    seen = draws.seen.mean(axis=2)
    if allowed is not None:
        seen = np.where(allowed, seen, -1.0)

    def best(affordable: NDArray[np.bool_]) -> Places:
        return np.where(affordable, seen, -1.0).argmax(axis=1)

    found, latency, expected = [], draws.latency, predict(draws)
    for budget in budgets(latency):
        counted, within = best(expected <= budget), latency <= budget
        measured = best(latency <= latency[counted][:, None])
        found.append((counted, measured, best(within), best(within & UNIFORM)))
    names = ("MACs", "time", "any blocks", "one block")
    return dict(zip(names, np.stack(found, axis=1), strict=True))


def networks_to_judge(table: Table) -> list[space.Architecture]:
    """Every network that is chosen in one of the draws of `JUDGED`, and the hand-made ones.

    Chosen within a budget, or for the highest reward, with the exponent of the table's front.
    """
    draws, every = replay.draw(table.networks, table.runs, **JUDGED), space.architectures()
    w = experiment.front_exponent(draws.latency, table.accuracy("validation").to_numpy())
    best = experiment.exhaustive(draws, experiment.objective(1.0, (w, w)))
    places = set(np.unique(list(choose(draws).values())).tolist()) | set(best.tolist())
    names = [space.name(one) for one in every]
    places |= {names.index(f"{block}-{block}") for block in HAND}
    return [every[place] for place in sorted(places)]


def networks_to_repeat(table: Table, number: int = 33) -> list[space.Architecture]:
    """Networks whose rows of the table are all trained again, at random."""
    names = pd.Series(table.networks.index).sample(number, random_state=13)
    return [space.parse(name) for name in names]
