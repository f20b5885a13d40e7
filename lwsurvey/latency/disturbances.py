"""What disturbed a run, in sentences with figures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lwsurvey.latency import intervals

# A quiet machine loses less than 0.5 % of a run to interrupts. Two per cent is the width that
# `compare` aims at: as much lost at the wrong moments moves a ratio out of it.
LOST = 0.02
# Housekeeping of an idle machine stays below a tenth of a core; this leaves room for the ticks
# of 10 ms in which Linux counts. Of many cores a twentieth may work without being noticed.
OTHER_CORES, OTHER_SHARE = 0.25, 0.05
# Shorter runs cannot tell other load from one tick.
SHORTEST = 0.1
# Clocks follow temperature and load by some per cent; more is a change of the machine.
DRIFT = 0.05
# Spikes do not reach a median before they are half of all samples, but one in twenty shows that
# something else ran.
SPIKE, SPIKES = 1.5, 0.05

WIDENING = frozenset({"lost", "load"})


@dataclass(frozen=True)
class Disturbance:
    """One thing that disturbed a run.

    Attributes:
        kind: "lost", "load", "drift" or "outliers".
        sentence: what happened, with its figure.
    """

    kind: str
    sentence: str


@dataclass(frozen=True)
class Watch:
    """What was noted beside the times.

    Attributes:
        wall: seconds of all samples.
        own: seconds in which this thread computed meanwhile; NaN if that has no meaning.
        elapsed: seconds from the first round to the last.
        others: seconds of all cores that went to other processes meanwhile.
        cores: of the machine.
        on_host: whether the work ran on them.
        threads: of one call.
    """

    wall: float
    own: float
    elapsed: float
    others: float
    cores: int
    on_host: bool
    threads: int = 1


def of_machine(watch: Watch) -> list[Disturbance]:
    """Disturbances by other processes."""
    found = []
    lost = 1 - watch.own / watch.wall if watch.wall > 0 else math.nan
    if lost > LOST:
        text = f"for {lost:.0%} of the time this process did not compute"
        found.append(Disturbance("lost", text))
    cores = watch.others / watch.elapsed if watch.elapsed >= SHORTEST else math.nan
    if cores > _allowed(watch):
        text = f"other processes kept {cores:.1f} of {watch.cores} cores busy"
        found.append(Disturbance("load", text))
    elif math.isnan(cores) and watch.threads > 1 and watch.on_host:
        # One thread is paused as a whole; of several each region waits for the slowest.
        text = "the run was too short to tell whether other processes kept cores busy"
        found.append(Disturbance("load", text))
    return found


def _allowed(watch: Watch) -> float:
    """Cores that others may use; of the host of a GPU all but the one that gives it work."""
    if not watch.on_host:
        return max(watch.cores - 1, OTHER_CORES)
    return max(OTHER_CORES, OTHER_SHARE * watch.cores)


def of_times(times: pd.DataFrame, seed: int) -> list[Disturbance]:
    """Disturbances that the times themselves show, shape ``(rounds, competitors)``."""
    return [*_drift(times, seed), *_outliers(times)]


def _drift(times: pd.DataFrame, seed: int) -> list[Disturbance]:
    moved = {}
    for name in times:
        halves = intervals.halves(times[name].to_numpy(), seed)
        if halves and abs(halves[1] / halves[0] - 1) > DRIFT:
            moved[name] = halves[1] / halves[0] - 1
    if not moved:
        return []
    worst = max(moved, key=lambda name: abs(moved[name]))
    text = (
        f"times drifted by more than {DRIFT:.0%} between the halves of the run for {len(moved)}"
        f" of {times.shape[1]} competitors, most for {worst} ({moved[worst]:+.0%})"
    )
    return [Disturbance("drift", text)]


def _outliers(times: pd.DataFrame) -> list[Disturbance]:
    share = float(np.mean(times.to_numpy() > SPIKE * times.median().to_numpy()))
    if share <= SPIKES:
        return []
    text = f"{share:.0%} of the samples took more than {SPIKE:g} times the median"
    return [Disturbance("outliers", text)]
