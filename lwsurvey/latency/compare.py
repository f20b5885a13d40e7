"""The one function that times something in this book."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping

import torch

from lwsurvey.latency import devices, disturbances, lock, quiet
from lwsurvey.latency.comparison import Comparison
from lwsurvey.latency.devices import Device
from lwsurvey.latency.disturbances import Disturbance, Watch
from lwsurvey.latency.plan import Pairs, Plan, checked_pairs
from lwsurvey.latency.rounds import WARM_UP, Rounds


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
    plan = Plan(
        checked_pairs(competitors, pairs), budget, width, threads, least_rounds, rounds, seed
    )
    run = _Run(devices.find(device), dict(competitors), plan)
    with lock.machine(), quiet.threads(threads), quiet.no_collection():
        return run.result()


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
        )
