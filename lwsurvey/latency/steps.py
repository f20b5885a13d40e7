"""Times of the steps of a sequence, each taken where it stands."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence

import pandas as pd

from lwsurvey.latency import devices, disturbances, lock, quiet
from lwsurvey.latency.comparison import Comparison
from lwsurvey.latency.devices import Device
from lwsurvey.latency.disturbances import Watch

Step = tuple[Callable[[], object], Callable[[], object]]
"""What comes before a step and is not timed; and the step."""


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
    with lock.machine(), quiet.threads(threads), quiet.no_collection():
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
