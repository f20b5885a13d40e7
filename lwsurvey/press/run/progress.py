"""What a run shows: one line per event, and on a terminal a bar with the time left."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from tqdm import tqdm

from lwsurvey import paths
from lwsurvey.durations import duration
from lwsurvey.press.run.tasks import Outcome

FORMAT = "{percentage:3.0f}%|{bar:24}| {desc}"
REFRESH = 0.5
LINES, WIDTH = 4, 300


class Progress:
    """The display of one run; its methods may be called from any thread.

    Args:
        estimates: expected seconds of each chapter that will run.
        alone: those of them that run while no other does.
        jobs: how many of the others run at a time.
    """

    def __init__(self, estimates: dict[str, float], alone: set[str], jobs: int) -> None:
        self.estimates, self.alone, self.jobs = estimates, alone, jobs
        self.started: dict[str, float] = {}
        self.ended: set[str] = set()
        self._cells: dict[str, str] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._bar: tqdm | None = None
        if sys.stderr.isatty() and estimates:
            total = sum(estimates.values())
            self._bar = tqdm(total=total, bar_format=FORMAT, leave=False)
            threading.Thread(target=self._refresh, daemon=True).start()

    def say(self, text: str) -> None:
        """Print lines above the bar."""
        with self._lock:
            if self._bar is None:
                print(text, file=sys.stderr, flush=True)
            else:
                self._bar.write(text, file=sys.stderr)

    def start(self, slug: str) -> None:
        """A chapter starts."""
        with self._lock:
            self.started[slug] = time.monotonic()
            self.say(f"{slug}: started")

    def cell(self, slug: str, place: dict) -> None:
        """A cell of a chapter starts."""
        with self._lock:
            self._cells[slug] = f"{slug} cell {place['cell']}/{place['of']}"

    def finish(self, slug: str, seconds: float) -> None:
        """A chapter has a new result."""
        self._end(slug)
        self.say(f"{slug}: finished in {duration(seconds)}{self._left_text()}")

    def skip(self, slug: str) -> None:
        """A chapter was finished by another run while this one waited for it."""
        self._end(slug)
        self.say(f"{slug}: fresh, another run has just finished it")

    def fail(self, slug: str, outcome: Outcome, log: Path, partial: Path) -> None:
        """A chapter failed: where, why, and where to look."""
        self._end(slug)
        text = [f"{slug}: failed{_where(outcome)}"]
        text += [f"    {line[:WIDTH]}" for line in outcome.reason.splitlines()[:LINES]]
        text += [f"    log: {_relative(log)}"] if log.exists() else []
        text += [f"    unfinished notebook: {_relative(partial)}"] if partial.exists() else []
        self.say("\n".join(text))

    def close(self) -> None:
        """Take the bar away."""
        self._over.set()
        with self._lock:
            if self._bar is not None:
                self._bar.close()
                self._bar = None

    def left(self) -> float:
        """Seconds until the end, if every chapter takes as long as expected."""
        now = time.monotonic()
        rest = {s: self._rest(s, now) for s in self.estimates if s not in self.ended}
        single = sum(seconds for slug, seconds in rest.items() if slug in self.alone)
        shared = [seconds for slug, seconds in rest.items() if slug not in self.alone]
        return single + max(sum(shared) / self.jobs, max(shared, default=0.0))

    def _rest(self, slug: str, now: float) -> float:
        passed = now - self.started[slug] if slug in self.started else 0.0
        return max(self.estimates[slug] - passed, 0.0)

    def _end(self, slug: str) -> None:
        with self._lock:
            self.ended.add(slug)
            self._cells.pop(slug, None)

    def _left_text(self) -> str:
        done = f"{len(self.ended)} of {len(self.estimates)}"
        if len(self.ended) == len(self.estimates):
            return f"; {done} done"
        left = self.left()
        guess = f"about {duration(left)} left" if left >= 1 else "the rest has had its usual time"
        return f"; {done} done, {guess}"

    def _refresh(self) -> None:
        while not self._over.wait(REFRESH):
            with self._lock:
                if self._bar is None:
                    return
                now = time.monotonic()
                rest = sum(self._rest(s, now) for s in self.estimates if s not in self.ended)
                self._bar.n = self._bar.total - rest
                running = ", ".join(self._cells.values())
                self._bar.set_description_str(
                    self._left_text()[2:] + (f"; {running}" if running else "")
                )


def _where(outcome: Outcome) -> str:
    place = outcome.place
    if place is None:
        return " before its first cell"
    return f" in cell {place['cell']} of {place['of']} (id {place['id']}): {place['first']}"


def _relative(path: Path) -> str:
    return path.relative_to(paths.root()).as_posix()
