"""How far a sweep is: a line that renews itself on a terminal, one in a while in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from statistics import median

from benchmarks.sweep.workers import Job
from lwsurvey.durations import duration

TERMINAL, LOG = 0.5, 15.0  # seconds between two lines


class Progress:
    """Counts finished networks and guesses the time left.

    Args:
        jobs: what is to be done.
        expected: seconds that networks took in an earlier sweep; others take the median.
        kept: how many networks were finished before.
    """

    def __init__(self, jobs: list[Job], expected: Mapping[Job, float], kept: int) -> None:
        usual = median(expected.values()) if expected else 1.0
        self._rest = {job: expected.get(job, usual) for job in jobs}
        self._all, self._kept, self._of = sum(self._rest.values()), kept, kept + len(jobs)
        self._start = self._shown = time.monotonic()
        self._failed = 0
        self._renew = sys.stderr.isatty()

    def done(self, job: Job, failed: bool) -> None:
        """A network is finished."""
        self._rest.pop(job)
        self._failed += failed
        now = time.monotonic()
        if now - self._shown >= (TERMINAL if self._renew else LOG) or not self._rest:
            self._shown = now
            end = "\n" if not self._renew or not self._rest else ""
            start = "\r\x1b[K" if self._renew else ""
            print(f"{start}{self.text(now)}", end=end, file=sys.stderr, flush=True)

    def text(self, now: float) -> str:
        """Such as ``412 of 1492 networks, 3 failed, about 5 min left``."""
        parts = [f"{self._of - len(self._rest)} of {self._of} networks"]
        parts += [f"{self._failed} failed"] if self._failed else []
        rest = sum(self._rest.values())
        if rest:
            left = (now - self._start) * rest / max(self._all - rest, 1e-9)
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)
