"""The one function that times something in this book."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral

import torch

from lwsurvey.latency import devices, disturbances, quiet
from lwsurvey.latency.comparison import Comparison
from lwsurvey.latency.devices import Device
from lwsurvey.latency.disturbances import Disturbance, Watch
from lwsurvey.latency.rounds import WARM_UP, Rounds

Pairs = Sequence[tuple[str, str]]


def compare(
    competitors: Mapping[str, Callable[[], object]],
    *,
    device: str | torch.device | Device = "cpu",
    threads: int = 1,
    budget: float = 10.0,
    width: float = 0.02,
    pairs: Pairs | None = None,
    least_rounds: int = 15,
    rounds: int | None = None,
    seed: int = 0,
) -> Comparison:
    """Time competitors against each other.

    Every round times each competitor once, in random order, so that what disturbs the machine
    for longer than a round meets all of them. After 15, 30, 60, ... rounds the intervals are
    looked at. The number of looks is fixed before the first round, from the budget and the
    time of a round in the warm-up, and each look has an equal share of the error of 5 %; so an
    interval of the result holds with 95 % although the run could stop at any look.

    Args:
        competitors: functions without arguments, by name; see `lwsurvey.latency.call`.
        device: "cpu", "cuda", "cuda:1", "mps" or a `lwsurvey.latency.devices.Device`.
        threads: that PyTorch may use on the host for one call.
        budget: seconds after which the run stops; the first call of each competitor does not
            count, the rest of the warm-up does.
        width: half-width of the intervals, relative to the ratio, that is narrow enough; with
            one competitor, relative to its time.
        pairs: names of competitors whose ratios have to be narrow; by default each one against
            the first.
        least_rounds: never fewer, even beyond the budget.
        rounds: never more.
        seed: of the order within the rounds and of the resampling.

    Raises:
        ValueError: arguments that make no sense, or a device that is not there.
        LatencyError: a competitor raised an exception; it is named.
    """
    plan = Plan(find_pairs(competitors, pairs), budget, width, threads, least_rounds, rounds, seed)
    run = _Run(devices.find(device), dict(competitors), plan)
    with quiet.machine(), quiet.threads(threads), quiet.no_collection():
        return run.result()


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


def find_pairs(competitors: Mapping[str, Callable], pairs: Pairs | None) -> Pairs:
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


class _Run:
    """One comparison while it runs."""

    def __init__(self, device: Device, competitors: Mapping, plan: Plan) -> None:
        self.device, self.plan = device, plan
        self.work = Rounds(device, competitors, plan.seed)

    def result(self) -> Comparison:
        """Warm up, and add rounds until there is a reason to stop."""
        self.work.first()
        self.begun = self.device.now()
        one = self.work.warm_up(WARM_UP * self.plan.budget)
        looks = self.plan.looks((self.plan.budget - self._elapsed()) / one)
        self.first_round, self.others = self.device.now(), self.device.others()
        while not (reason := self._reason(looks)):
            self.work.round()
        return self._comparison(reason, len(looks), self._of_machine_and_times())

    def _reason(self, looks: tuple[int | None, ...]) -> str:
        """Why to stop now; empty if there is no reason."""
        done, plan = len(self.work.wall), self.plan
        if done in looks and self._narrow(len(looks)):
            return "narrow"
        if done == plan.rounds:
            return "rounds"
        return "budget" if done >= plan.least and self._elapsed() >= plan.budget else ""

    def _narrow(self, looks: int) -> bool:
        seen = self._comparison("narrow", looks, disturbances.of_machine(self._watch()))
        ratios = [seen.ratio(a, b) for a, b in self.plan.pairs]
        found = ratios or [seen.time(name) for name in seen.times]
        return all((e.high - e.low) / 2 <= self.plan.width * e.value for e in found)

    def _elapsed(self) -> float:
        return self.device.now() - self.begun

    def _comparison(self, reason: str, looks: int, found: list[Disturbance]) -> Comparison:
        return Comparison(
            times=self.work.frame(self.work.wall),
            own=self.work.frame(self.work.own),
            seconds=self._elapsed(),
            stopped=reason,
            threads=self.plan.threads,
            device=self.device.name,
            found=tuple(found),
            looks=looks,
            seed=self.plan.seed,
        )

    def _of_machine_and_times(self) -> list[Disturbance]:
        times = self.work.frame(self.work.wall)
        return disturbances.of_machine(self._watch()) + disturbances.of_times(times, self.plan.seed)

    def _watch(self) -> Watch:
        return Watch(
            wall=self.work.total_wall,
            # What PyTorch's other threads compute is not this thread's time.
            own=self.work.total_own if self.plan.threads == 1 else math.nan,
            elapsed=self.device.now() - self.first_round,
            others=self.device.others() - self.others,
            cores=os.cpu_count() or 1,
            on_host=self.device.on_host,
            threads=self.plan.threads,
        )
