"""Samples of all competitors in turns, or of the steps of a sequence where they stand."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from lwsurvey.latency import devices, disturbances, quiet
from lwsurvey.latency.comparison import Comparison
from lwsurvey.latency.devices import Device
from lwsurvey.latency.disturbances import Watch
from lwsurvey.latency.quiet import LatencyError

Step = tuple[Callable[[], object], Callable[[], object]]
"""What comes before a step and is not timed; and the step."""

# The clock's own cost, about half a microsecond, is then less than 0.1 % of a sample.
SAMPLE = 1e-3
# Python needs more than 10 ns for a call of nothing.
MOST_CALLS = 100_000
# Another competitor's data are in the caches when a sample begins. Calls as long as this fill
# them anew in less than 1 % of their time; shorter ones run once before the clock starts.
LONG = 10e-3
# Warm-up ends when two samples in a row agree so well, but has its bounds.
SETTLED, PASSES, WARM_UP = 0.05, 8, 0.2


class Rounds:
    """Times competitors in turns.

    Args:
        device: where they run.
        competitors: functions without arguments, by name.
        seed: of the order within each round.

    Attributes:
        wall: for each round the seconds per call, in the order of ``competitors``.
        own: likewise, the seconds that this thread computed; NaN if that has no meaning.
        total_wall, total_own: seconds of all samples of all rounds.
        inner: calls in a sample, by competitor.
    """

    def __init__(
        self, device: Device, competitors: Mapping[str, Callable[[], object]], seed: int
    ) -> None:
        self.device, self.competitors = device, dict(competitors)
        self.inner = dict.fromkeys(competitors, 1)
        self.wall: list[list[float]] = []
        self.own: list[list[float]] = []
        self.total_wall = self.total_own = 0.0
        self._seconds = dict.fromkeys(competitors, math.inf)
        self._rng = np.random.default_rng(seed)

    def frame(self, rows: list[list[float]]) -> pd.DataFrame:
        """`wall` or `own` as a table, shape ``(rounds, competitors)``."""
        return pd.DataFrame(rows, columns=list(self.competitors))

    def first(self) -> None:
        """Call everything once: compilation, allocation and the like."""
        for name in self.competitors:
            self._timed(name, 1, lead=False)

    def warm_up(self, limit: float) -> float:
        """Repeat until the times settle, or ``limit`` seconds are spent.

        Returns:
            Seconds that a round takes.
        """
        end = self.device.now() + limit
        for name in self.competitors:
            self._choose_inner(name)
        for _ in range(PASSES):
            begun, before = self.device.now(), dict(self._seconds)
            for name in self.competitors:
                wall, _ = self._sample(name)
                if wall < SAMPLE / 2:  # something else ran when the number was chosen
                    self._choose_inner(name)
            took = self.device.now() - begun
            if self._settled(before) or self.device.now() + took > end:
                break
        return took

    def round(self) -> None:
        """Time every competitor once, in random order."""
        names, seen = list(self.competitors), {}
        for i in self._rng.permutation(len(names)):
            wall, own = seen[names[i]] = self._sample(names[i])
            self.total_wall += wall
            self.total_own += own
        for rows, kind in ((self.wall, 0), (self.own, 1)):
            rows.append([seen[name][kind] / self.inner[name] for name in names])

    def _choose_inner(self, name: str) -> None:
        while (wall := self._best(name)) < SAMPLE:
            more = min(10.0, 1.2 * SAMPLE / wall) if wall > 0 else 10.0
            self.inner[name] = math.ceil(self.inner[name] * more)
            if self.inner[name] > MOST_CALLS:
                raise LatencyError(f"competitor {name!r} takes no time that the clock can see")

    def _best(self, name: str) -> float:
        """The shortest of three samples, since an interruption makes a short call look long."""
        wall, _ = self._sample(name)
        return wall if wall >= LONG else min(wall, *(self._sample(name)[0] for _ in range(2)))

    def _settled(self, before: dict[str, float]) -> bool:
        return all(abs(self._seconds[n] / before[n] - 1) < SETTLED for n in before)

    def _sample(self, name: str) -> tuple[float, float]:
        wall, own = self._timed(name, self.inner[name], self._seconds[name] < LONG)
        self._seconds[name] = wall / self.inner[name]
        return wall, own

    def _timed(self, name: str, inner: int, lead: bool) -> tuple[float, float]:
        try:
            return sample(self.device, self.competitors[name], inner, lead)
        except Exception as error:
            kind = type(error).__name__
            raise LatencyError(f"competitor {name!r} failed: {kind}: {error}") from error


def sample(
    device: Device, run: Callable[[], object], inner: int, lead: bool
) -> tuple[float, float]:
    """Seconds of ``inner`` calls, and how long this thread computed meanwhile.

    Args:
        lead: call once more before the clock starts.
    """
    if lead:
        run()
    device.synchronize()
    start = device.mark()
    for _ in range(inner):
        run()
    end = device.mark()
    device.synchronize()
    return device.seconds(start, end), device.own(start, end)


def steps(
    sequence: Sequence[Step], *, device: str | Device = "cpu", threads: int = 1, rounds: int = 15
) -> Comparison:
    """Time each step of a sequence while the sequence runs, several times over.

    `lwsurvey.latency.compare` repeats a short call until a millisecond is full, so that each
    call but the first finds its own code and data in the nearest caches. As a part of something
    longer it does not. Here each step runs once a round, behind the step before it.

    Args:
        sequence: pairs of functions without arguments; the times are those of the second ones,
            which take 20 microseconds or more: the clock has a share in each.
        device: where they run.
        threads: that PyTorch may use on the host for one call.
        rounds: two or more; one more comes first and is not counted.

    Returns:
        The competitors are the numbers of the steps, from 0. Only what disturbs the machine is
        looked for. The time is wall time: asking for a thread's own takes the system's time.

    Raises:
        ValueError: nothing to time, fewer than two rounds, or a device that is not there.
    """
    if not sequence or rounds < 2:
        raise ValueError(f"need a step and two rounds, not {len(sequence)} and {rounds}")
    found = devices.find(device)
    with quiet.machine(), quiet.threads(threads), quiet.no_collection():
        _round(found, sequence)
        begun, own, others = found.now(), time.thread_time(), found.others()
        rows = [_round(found, sequence) for _ in range(rounds)]
        wall = found.now() - begun
        watch = Watch(
            wall=wall,
            own=time.thread_time() - own if threads == 1 and found.on_host else math.nan,
            elapsed=wall,
            others=found.others() - others,
            cores=os.cpu_count() or 1,
            on_host=found.on_host,
        )
    return Comparison(
        times=pd.DataFrame(rows), seconds=wall, threads=threads, device=found.name,
        found=tuple(disturbances.of_machine(watch)),
    )  # fmt: skip


def _round(device: Device, sequence: Sequence[Step]) -> list[float]:
    """Seconds of each step."""
    clock = device.now if device.on_host else device.mark
    marks = []
    for before, run in sequence:
        before()
        start = clock()
        run()
        marks.append((start, clock()))
    device.synchronize()
    if device.on_host:
        return [end - start for start, end in marks]
    return [device.seconds(*pair) for pair in marks]
