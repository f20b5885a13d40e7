"""What a comparison is asked to do, checked before any work."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Plan:
    """The arguments of `lwsurvey.latency.compare`.

    Attributes:
        pairs: names of competitors whose ratios have to be narrow.
        budget: seconds.
        width: relative half-width of an interval that is narrow enough.
        threads: of one call on the host.
        least_rounds: before the run may stop.
        rounds: after which it stops; None for no limit.
        seed: of orders and resampling.

    Raises:
        ValueError: a number is not positive and finite, a count is not whole, one round is
            all there may be, or there are fewer cores than threads.
    """

    pairs: Pairs
    budget: float
    width: float
    threads: int
    least_rounds: int
    rounds: int | None
    seed: int

    def __post_init__(self) -> None:
        counts = {"threads": self.threads, "least_rounds": self.least_rounds}
        counts |= {} if self.rounds is None else {"rounds": self.rounds}
        for name, value in ({"budget": self.budget, "width": self.width} | counts).items():
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, not {value}")
        for name, value in counts.items():
            if not isinstance(value, Integral):
                raise ValueError(f"{name} must be a whole number, not {value}")
        if self.least < 2:
            raise ValueError("one round has no interval: rounds and least_rounds are 2 or more")
        if self.threads > (cores := os.cpu_count() or 1):
            raise ValueError(f"threads = {self.threads}, but the machine has {cores} cores")

    @property
    def least(self) -> int:
        """Rounds before the first look."""
        return min(self.least_rounds, self.rounds or self.least_rounds)

    def looks(self, expected: float) -> tuple[int | None, ...]:
        """After which rounds to look: `least`, twice that, and so on, and at the end.

        Args:
            expected: rounds that the budget allows, as far as the warm-up can tell.

        Returns:
            Numbers of rounds; None stands for the end, wherever it is.
        """
        last = min(max(expected, self.least), self.rounds or math.inf)
        doublings = math.floor(math.log2(last / self.least))
        looks = tuple(self.least * 2**i for i in range(doublings + 1))
        return looks if looks[-1] == self.rounds else (*looks, None)


def checked_pairs(competitors: Mapping[str, Callable], pairs: Pairs | None) -> Pairs:
    """The pairs that are meant: by default each competitor against the first.

    Raises:
        ValueError: nothing to time, something that cannot be called, or an unknown name.
    """
    names = list(competitors)
    if not names:
        raise ValueError("nothing to time: there are no competitors")
    for name, run in competitors.items():
        if not callable(run):
            raise ValueError(f"competitor {name!r} is no function but {type(run).__name__}")
    if pairs is None:
        return [(name, names[0]) for name in names[1:]]
    if unknown := sorted({name for pair in pairs for name in pair} - set(names)):
        raise ValueError(f"pairs name {', '.join(unknown)}; there are {', '.join(names)}")
    return list(pairs)
