"""Three ways to search, each many times side by side: random, evolution, policy gradient.

A controller is asked for one network in each of its repeats and told their rewards. Networks
are places in `space.architectures`. Repeats do not see each other.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lwsurvey.search import SearchError, space

Networks = NDArray[np.int64]
Rewards = NDArray[np.float64]


class Controller(Protocol):
    """What `lwsurvey.search.replay.run` talks to; arrays have the shape ``(repeats,)``."""

    repeats: int

    def ask(self) -> Networks:
        """The networks to evaluate next."""

    def tell(self, networks: Networks, rewards: Rewards) -> None:
        """What they were worth."""


class Random:
    """Every network of the space is as likely as any other, whatever was seen before."""

    def __init__(self, repeats: int, seed: int) -> None:
        self.repeats, self._rng = repeats, np.random.default_rng(seed)

    def ask(self) -> Networks:
        return self._rng.integers(len(space.codes()), size=self.repeats)

    def tell(self, networks: Networks, rewards: Rewards) -> None:
        return None


class Evolution:
    """Regularised evolution (Real et al. 2019, algorithm 1).

    The first networks are random. From then on the best of a random tournament gets a child,
    one decision away, and the oldest of the population dies, however good it is.

    Args:
        repeats: searches side by side.
        seed: of all of them.
        population: networks that are alive.
        tournament: drawn from them, with replacement, to become a parent.

    Raises:
        SearchError: a population or a tournament without members.
    """

    def __init__(self, repeats: int, seed: int, *, population: int, tournament: int) -> None:
        if min(population, tournament) < 1:
            raise SearchError("a population and a tournament have one member or more")
        self.repeats, self._rng, self._size = repeats, np.random.default_rng(seed), tournament
        self._alive: deque[tuple[Networks, Rewards]] = deque(maxlen=population)

    def ask(self) -> Networks:
        if len(self._alive) < self._alive.maxlen:
            return self._rng.integers(len(space.codes()), size=self.repeats)
        column = self._rng.integers(len(space.OPTIONS), size=self.repeats)
        return space.neighbours()[self._parents(), column]

    def tell(self, networks: Networks, rewards: Rewards) -> None:
        self._alive.append((networks, rewards))  # a full deque drops its oldest member

    def _parents(self) -> Networks:
        networks, rewards = (np.stack(part, axis=1) for part in zip(*self._alive, strict=True))
        drawn = self._rng.integers(networks.shape[1], size=(self.repeats, self._size))
        best = np.take_along_axis(rewards, drawn, axis=1).argmax(axis=1)
        rows = np.arange(self.repeats)
        return networks[rows, drawn[rows, best]]


class PolicyGradient:
    """REINFORCE with a moving-average baseline (Williams 1992) over factorised decisions.

    Each decision has its own softmax. The paper's controller is a recurrent network, whose
    later decisions see the earlier ones, updated by PPO; here decisions are independent.

    Args:
        repeats: searches side by side.
        seed: of all of them.
        rate: step along the gradient of the logits.
        memory: share of the baseline that stays from one evaluation to the next.

    Raises:
        SearchError: a rate that is not positive, or a memory outside of 0 to 1.
    """

    def __init__(self, repeats: int, seed: int, *, rate: float, memory: float = 0.9) -> None:
        if rate <= 0 or not 0 <= memory < 1:
            raise SearchError("a rate is positive, and a memory at least 0 and below 1")
        self.repeats, self._rng = repeats, np.random.default_rng(seed)
        self._rate, self._memory = rate, memory
        shape = (repeats, len(space.OPTIONS), max(space.OPTIONS))
        exists = np.arange(shape[2]) < np.array(space.OPTIONS)[:, None]
        self._logits = np.where(exists, np.zeros(shape), -np.inf)
        self._baseline: Rewards | None = None

    def probabilities(self) -> NDArray[np.float64]:
        """Of each option of each decision, shape ``(repeats, decisions, options)``."""
        weights = np.exp(self._logits - self._logits.max(axis=2, keepdims=True))
        return weights / weights.sum(axis=2, keepdims=True)

    def ask(self) -> Networks:
        below = self._rng.random((*self._logits.shape[:2], 1))
        steps = self.probabilities().cumsum(axis=2)[..., :-1]
        return space.index(space.settle((below > steps).sum(axis=2))[0])

    def tell(self, networks: Networks, rewards: Rewards) -> None:
        settled = space.codes()[networks]
        free = space.settle(settled)[1]
        taken = np.arange(self._logits.shape[2]) == settled[..., None]
        # Void decisions were not taken, so that the reward says nothing about them.
        slope = np.where(free[..., None], taken - self.probabilities(), 0.0)
        baseline = rewards if self._baseline is None else self._baseline
        self._logits += self._rate * (rewards - baseline)[:, None, None] * slope
        self._baseline = self._memory * baseline + (1 - self._memory) * rewards
