"""How much each step saves, and how long each proposal is tuned."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lwsurvey.search import SearchError


@dataclass(frozen=True)
class Schedule:
    """The resource reduction schedule: step ``i``, from 1, saves ``first * decay ** (i - 1)``.

    Attributes:
        first: what the first step saves, in the unit of the resource. The paper's is 0.5 ms for
            the small MobileNet V1.
        decay: from one step to the next; 0.96 in the paper.

    Raises:
        SearchError: a first step that is not positive, or a decay outside ``(0, 1]``.
    """

    first: float
    decay: float = 0.96

    def __post_init__(self) -> None:
        if not (math.isfinite(self.first) and self.first > 0):
            raise SearchError(f"the first step must save something, not {self.first}")
        if not 0 < self.decay <= 1:
            raise SearchError(f"the decay is above 0 and at most 1, not {self.decay}")

    def reduction(self, i: int) -> float:
        """What step ``i`` saves at least; the first is 1."""
        return self.first * self.decay ** (i - 1)

    def total(self, steps: int) -> float:
        """What so many steps save at least."""
        return math.fsum(self.reduction(i) for i in range(1, steps + 1))


@dataclass(frozen=True)
class Short:
    """The short-term fine-tuning of a proposal: a small constant learning rate.

    Attributes:
        steps: batches; none leaves the proposal as it was cut. The paper has 40,000.
        batch: images a step.
        lr: learning rate; in the paper a tenth of the long fine-tuning's.
        momentum: Nesterov's.
        weight_decay: of all weights.
        amp: tune in bfloat16, as `lwsurvey.train.fit`.

    Raises:
        SearchError: a number that is out of range.
    """

    steps: int = 15
    batch: int = 64
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    amp: bool = False

    def __post_init__(self) -> None:
        if self.steps < 0 or self.batch < 2:
            raise SearchError(f"fine-tune 0 steps or more of 2 images or more, not {self.steps} "
                              f"of {self.batch}")  # fmt: skip
        if not self.lr > 0:
            raise SearchError(f"the learning rate must be positive, it is {self.lr}")
