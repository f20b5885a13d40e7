"""What the surveys print of NetAdapt, run as it stands, on made-up layers that cost nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

ONE_SHOT = r"Res_j(Net_i) \leq Bud_j, j = 1, \dots, m"
"""The constraint of the first of the notes' two problems; the maximum is over ``Net``."""

STEP = Fraction(1, 100)
"""MobileNet V3's reduction, in units of the seed network's latency ``L``."""


def unbound(constraint: str = ONE_SHOT) -> list[str]:
    """Indices that a constraint uses and nothing binds.

    Args:
        constraint: in TeX; what stands after the comma, as in ``j = 1, ...``, is bound.
    """
    used = dict.fromkeys(re.findall(r"_([a-z])\b", constraint))
    bound = re.findall(r"\b([a-z])\s*=", constraint)
    return [index for index in used if index not in bound]


def iterations(step: Fraction = STEP) -> list[Fraction]:
    """Latency after each iteration of steps of ``step * L``, in units of L, until it is zero.

    Fractions, because a hundred times 0.01 is not 1 in binary.

    Raises:
        ValueError: a step that is not positive: the loop would not end.
    """
    if step <= 0:
        raise ValueError(f"a step is positive, not {step}")
    left = [Fraction(1)]
    while left[-1] > 0:
        left.append(left[-1] - step)
    return left


@dataclass(frozen=True)
class Toy:
    """A network of which only widths count: cost and accuracy are simple sums.

    Attributes:
        widths: filters of each of the K layers.
        cost: seconds of a filter of each layer.
        worth: what the first filters of a layer are worth more than its last.
    """

    widths: tuple[int, ...] = (8, 16, 16, 32, 32)
    cost: tuple[int, ...] = (5, 4, 3, 2, 1)
    worth: tuple[float, ...] = (9.0, 1.0, 4.0, 2.0, 0.5)

    def measure(self, widths: Sequence[int]) -> int:
        """TakeEmpiricalMeasurement."""
        return sum(c * n for c, n in zip(self.cost, widths, strict=True))

    def accuracy(self, widths: Sequence[int]) -> float:
        """Falls with the square of the share of filters that a layer has lost."""
        lost = (1 - n / full for n, full in zip(widths, self.widths, strict=True))
        return -sum(w * share**2 for w, share in zip(self.worth, lost, strict=True))

    def choose(self, widths: tuple[int, ...], k: int, limit: float) -> tuple[int, ...]:
        """ChooseNumFilters: as many filters of layer k as meet the limit, one at least."""
        for n in range(widths[k], 0, -1):
            cut = (*widths[:k], n, *widths[k + 1 :])
            if self.measure(cut) <= limit:
                break
        return cut


@dataclass(frozen=True)
class Traced:
    """What a run of the pseudo-code did.

    Attributes:
        widths: of the result.
        iterations: of the outer loop.
        picks: calls of PickHighestAccuracy.
    """

    widths: tuple[int, ...]
    iterations: int
    picks: int


def algorithm_1(budget: float, step: float, *, inside: bool, toy: Toy | None = None) -> Traced:
    """Algorithm 1 on a `Toy`, with the pick inside the loop over layers or behind it.

    Args:
        budget: Bud.
        step: Delta R, the same in all iterations.
        inside: as the notes indent it; False as their prose has it, and the paper.
        toy: the network; five layers if not given.
    """
    toy = toy or Toy()
    net, i, picks = toy.widths, 0, 0
    while toy.measure(net) > budget:
        limit, simplified = toy.measure(net) - step, []
        for k in range(len(net)):
            simplified.append(toy.choose(net, k, limit))
            if inside:
                picked, picks = _pick(toy, simplified, limit), picks + 1
        if not inside:
            picked, picks = _pick(toy, simplified, limit), picks + 1
        if picked == net:
            raise ValueError(f"no layer can meet {limit}: the budget is out of reach")
        net, i = picked, i + 1
    return Traced(net, i, picks)


def _pick(toy: Toy, proposals: list[tuple[int, ...]], limit: float) -> tuple[int, ...]:
    """PickHighestAccuracy, among those that meet the limit if there are any."""
    meeting = [one for one in proposals if toy.measure(one) <= limit]
    return max(meeting or proposals, key=toy.accuracy)
