"""Searches replayed from the table: an evaluation is one of its trained runs, and its latency.

The runs of a network are told apart: all but one can be seen by a search, as validation
accuracies, and the last one is held back, as a test accuracy. So what a search found by luck
does not count for it. Which run is held back is drawn anew for each network and each repeat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lwsurvey.search import SearchError, space
from lwsurvey.search.controllers import Controller, Networks, Rewards

Array = NDArray[np.float64]
Objective = Callable[[Array, Array], Array]
"""From accuracies (0 to 1) and latencies (seconds) to rewards."""


@dataclass(frozen=True)
class Draws:
    """The table as each repeat of a study sees it; n networks, as `space.architectures`.

    Attributes:
        seen: validation accuracies, 0 to 1, shape ``(repeats, n, runs - 1)``.
        held: test accuracies of the runs held back, 0 to 1, shape ``(repeats, n)``.
        latency: seconds, shape ``(n,)``.
        macs: shape ``(n,)``.
    """

    seen: Array
    held: Array
    latency: Array
    macs: Array

    @property
    def repeats(self) -> int:
        return len(self.held)

    def without_noise(self) -> Draws:
        """The same, as if the mean of what can be seen were all there is to see."""
        return replace(self, seen=self.seen.mean(axis=2, keepdims=True))


@dataclass(frozen=True)
class Log:
    """What searches did: ``networks`` and ``rewards`` of shape ``(repeats, evaluations)``."""

    networks: Networks
    rewards: Rewards


def draw(networks: pd.DataFrame, runs: pd.DataFrame, repeats: int, seed: int) -> Draws:
    """Tell the runs of every network apart, once for each repeat.

    Args:
        networks: the table's, with ``latency`` and ``macs``, by short name.
        runs: the table's, with ``network``, ``seed``, ``validation`` and ``test`` (per cent).
        repeats: how often.
        seed: of the drawing.

    Raises:
        SearchError: networks or runs are missing, or there is only one run of each.
    """
    names = [space.name(one) for one in space.architectures()]
    validation, test = (_wide(runs, names, column) for column in ("validation", "test"))
    if missing := sorted(set(names) - set(networks.index)):
        raise SearchError(f"{len(missing)} networks are not in the table, such as {missing[0]}")
    known = networks.loc[names]
    order = np.random.default_rng(seed).random((repeats, *test.shape)).argsort(axis=2)
    seen = np.take_along_axis(validation[None], order[..., 1:], axis=2)
    held = np.take_along_axis(test[None], order[..., :1], axis=2)[..., 0]
    return Draws(seen, held, known.latency.to_numpy(float), known.macs.to_numpy(float))


def _wide(runs: pd.DataFrame, names: list[str], column: str) -> Array:
    """Accuracies from 0 to 1, shape ``(n, seeds)``."""
    wide = runs.pivot(index="network", columns="seed", values=column).reindex(names)
    if wide.shape[1] < 2:
        raise SearchError("a replay needs two runs of each network or more: one is held back")
    if wide.isna().to_numpy().any():
        raise SearchError(f"{int(wide.isna().any(axis=1).sum())} networks lack runs in the table")
    return wide.to_numpy(float) / 100


def run(
    controller: Controller, draws: Draws, objective: Objective, evaluations: int, *, seed: int,
    watch: Callable[[], object] | None = None,
) -> Log:  # fmt: skip
    """Let a controller search.

    Args:
        controller: with as many repeats as ``draws``.
        draws: what its evaluations give.
        objective: the reward.
        evaluations: of each repeat; a network that is visited again is evaluated again.
        seed: which of the visible runs an evaluation gives.
        watch: called after each evaluation.

    Raises:
        SearchError: the numbers of repeats differ, or there is nothing to evaluate.
    """
    if controller.repeats != draws.repeats or evaluations < 1:
        raise SearchError(
            f"{controller.repeats} searches, {draws.repeats} draws and {evaluations} evaluations"
            " do not fit together"
        )
    rng, rows, steps = np.random.default_rng(seed), np.arange(draws.repeats), []
    for _ in range(evaluations):
        networks = controller.ask()
        which = rng.integers(draws.seen.shape[2], size=draws.repeats)
        rewards = objective(draws.seen[rows, networks, which], draws.latency[networks])
        controller.tell(networks, rewards)
        steps.append((networks, rewards))
        if watch:
            watch()
    return Log(*(np.stack(part, axis=1) for part in zip(*steps, strict=True)))
