"""What the times of several competitors say about each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lwsurvey.latency import intervals
from lwsurvey.latency.disturbances import WIDENING, Disturbance
from lwsurvey.latency.intervals import Interval
from lwsurvey.schema import NOT_JUDGED
from lwsurvey.stats import Estimate


@dataclass(frozen=True)
class Comparison:
    """Times of competitors, taken in turns.

    Every interval holds with 95 % on its own. Where the run looked at its intervals several
    times to see whether it may stop, each look has its share of the error.

    Attributes:
        times: seconds per call, one row a round and one column a competitor.
        seconds: that the run took, without the first call of each competitor.
        stopped: why it ended: "narrow", "budget" or "rounds".
        threads: that one call may use on the host.
        device: its name.
        found: what disturbed the run.
        looks: how often it was to look at its intervals, as fixed before the first round.
        seed: of the resampling.
        own: like ``times``, the seconds in which the calling thread computed; used only where
            a run with one thread on a CPU lost time to others.
        widen: whether disturbances widen intervals; without, they are noise only.
    """

    times: pd.DataFrame
    seconds: float = 0.0
    stopped: str = "rounds"
    threads: int = 1
    device: str = "cpu"
    found: tuple[Disturbance, ...] = ()
    looks: int = 1
    seed: int = 0
    widen: bool = True
    own: pd.DataFrame | None = None

    @property
    def rounds(self) -> int:
        """How often every competitor was timed."""
        return len(self.times)

    @property
    def unjudged(self) -> str:
        """Why no verdict may rest on the run; empty if one may.

        Every parallel region of a call waits until the scheduler gives it the core that somebody
        else uses. What that costs goes with the number of regions, so it is an error of one side,
        which no interval of these rounds covers.
        """
        load = [d.sentence for d in self.found if d.kind == "load"]
        if not (self.widen and load and self.threads > 1 and self.device == "cpu"):
            return ""
        return f"Each call used {self.threads} threads, but {load[0]}."

    @property
    def disturbances(self) -> tuple[str, ...]:
        """What disturbed the run, as sentences."""
        return tuple(d.sentence for d in self.found)

    def time(self, name: str) -> Estimate:
        """Median seconds per call."""
        column = self._known(name)
        return _positive(self.estimate(lambda times: times[column]))

    def medians(self) -> pd.DataFrame:
        """Median time of each competitor with its interval: ``µs``, ``from`` and ``to``."""
        times = {name: self.time(name) for name in self.times}
        rows = {name: (1e6 * t.value, 1e6 * t.low, 1e6 * t.high) for name, t in times.items()}
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["µs", "from", "to"])
        return table.rename_axis("way")

    def ratio(self, a: str, b: str) -> Estimate:
        """Time of ``a`` over time of ``b``: the median of the ratios of the rounds."""
        top, bottom = self._known(a), self._known(b)
        return _positive(self.estimate(lambda times: times[top] / times[bottom]))

    def verdict(self, a: str, b: str) -> str:
        """Whether ``a`` is "faster" or "slower" than ``b``, "not told apart", or "not judged"."""
        if self.unjudged:
            return NOT_JUDGED
        ratio = self.ratio(a, b)
        return "faster" if ratio.high < 1 else "slower" if ratio.low > 1 else "not told apart"

    def estimate(self, f: Callable[[pd.DataFrame], pd.Series]) -> Estimate:
        """The median over the rounds of one number a round.

        Args:
            f: from `times` to a series with one finite number for each of its rows.

        Raises:
            ValueError: it gives another number of values, or some are not finite.
        """
        interval = intervals.of_median(self._series(f, self.times), self._confidence, self.seed)
        return self._estimate(interval, lambda own: float(np.median(self._series(f, own))))

    def of_medians(self, f: Callable[[pd.Series], float]) -> Estimate:
        """A number that is computed from the median times of all competitors.

        Args:
            f: from the median seconds, a series by competitor, to a finite number; called
                some thousand times, on medians of resampled rounds.
        """
        interval = intervals.of_function(self.times, f, self._confidence, self.seed)
        return self._estimate(interval, lambda own: float(f(own.median())))

    def summary(self) -> str:
        """One sentence on the run: how long, why it stopped, and what disturbed it."""
        why = {
            "narrow": "until the intervals were narrow enough",
            "budget": "until the time was spent",
            "rounds": "as planned",
        }[self.stopped]
        threads = f"{self.threads} thread" + "s" * (self.threads > 1)
        run = f"{self.rounds} rounds in {self.seconds:.1f} s on {self.device}, {threads}, {why}"
        return f"{run}; " + ("; ".join(self.disturbances) or "nothing disturbed the run") + "."

    @property
    def _confidence(self) -> float:
        return intervals.each_of(self.looks)

    def _known(self, name: str) -> str:
        if name not in self.times:
            raise ValueError(f"no competitor {name!r}; there are {', '.join(self.times)}")
        return name

    def _series(self, f: Callable[[pd.DataFrame], pd.Series], times: pd.DataFrame) -> np.ndarray:
        series = np.asarray(f(times), dtype=float)
        if series.shape != (self.rounds,) or not np.isfinite(series).all():
            raise ValueError(f"need {self.rounds} finite numbers, one a round, got {series}")
        return series

    def _estimate(self, interval: Interval, from_own: Callable[[pd.DataFrame], float]) -> Estimate:
        kinds = {d.kind for d in self.found} if self.widen else set()
        # Pauses that are as long as a sample pull ratios towards 1, which doubling does not cover.
        computed = from_own(self.own) if "lost" in kinds and self.own is not None else None
        note = self._note(interval, computed)
        if self.widen:
            interval = intervals.widen(interval, bool(kinds & WIDENING), computed)
        found = intervals.estimate(interval, self.rounds, self._confidence, note)
        return replace(found, unjudged=self.unjudged)

    def _note(self, interval: Interval, computed: float | None) -> str:
        said = [d.sentence for d in self.found if d.kind != "drift"]
        if self.widen and any(d.kind in WIDENING for d in self.found):
            said.append("the interval is doubled for that")
        if computed is not None:
            said.append(f"by the time that it computed the value is {computed:.4g}")
        if interval.halves:
            said.append("the halves of the run give {:.4g} and {:.4g}".format(*interval.halves))
        return "; ".join(said)


def _positive(estimate: Estimate) -> Estimate:
    """What cannot be negative; a wide interval is symmetric and may not know."""
    return replace(estimate, low=max(estimate.low, 0.0))
