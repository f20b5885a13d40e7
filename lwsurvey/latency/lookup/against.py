"""A table's estimates beside the latencies of whole networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from torch import nn

from lwsurvey import latency
from lwsurvey.latency import Comparison
from lwsurvey.latency.lookup.layers import TableError
from lwsurvey.latency.lookup.table import Table
from lwsurvey.latency.pages import keep
from lwsurvey.stats import CONFIDENCE, POWER, Estimate

RESAMPLES = 2000

Function = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of estimates and measurements, along the last dimension."""


@dataclass(frozen=True)
class Against:
    """Estimates and measurements of some networks.

    Attributes:
        frame: index ``network``, columns ``estimate`` and ``measured`` (seconds), and ``off``,
            the estimate over the measured seconds, minus 1.
        comparison: the measurement.
        seed: of the resampling.
    """

    frame: pd.DataFrame
    comparison: Comparison
    seed: int = 0

    @property
    def median_error(self) -> Estimate:
        """The median of the relative errors without their signs, a share."""
        return self._resampled(lambda x, y: np.median(np.abs(x / y - 1), axis=-1))

    @property
    def bias(self) -> Estimate:
        """The median of the relative errors with their signs, a share."""
        return self._resampled(lambda x, y: np.median(x / y - 1, axis=-1))

    @property
    def rank(self) -> Estimate:
        """Spearman's rank correlation of estimates and measurements."""
        return self._resampled(_rank)

    @property
    def repeated(self) -> float:
        """Spearman's rank correlation of the two halves of the measurement with each other: what
        noise alone leaves of a perfect one, at half the rounds."""
        times = _times(self.comparison)
        half = len(times) // 2
        first, second = (part.median().to_numpy() for part in (times[:half], times[half:]))
        return float(_rank(first, second))

    def _resampled(self, f: Function) -> Estimate:
        """A number of all networks, with the interval from resampling them (percentiles)."""
        x, y = (self.frame[name].to_numpy() for name in ("estimate", "measured"))
        drawn = np.random.default_rng(self.seed).integers(len(x), size=(RESAMPLES, len(x)))
        value, ends = float(f(x, y)), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
        # Of very few networks a draw may hold one alone, which has no rank.
        low, high = np.nanquantile(f(x[drawn], y[drawn]), ends)
        low, high = float(min(low, value)), float(max(high, value))
        half, away = max(high - value, value - low), stats.norm.ppf((1 + CONFIDENCE) / 2)
        detectable = float(half * (1 + stats.norm.ppf(POWER) / away))
        return Estimate(value, low, high, len(x), detectable)


def _rank(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman's correlation along the last dimension; NaN where one of them is constant."""
    a, b = (stats.rankdata(values, axis=-1) for values in (x, y))
    a, b = (ranks - ranks.mean(axis=-1, keepdims=True) for ranks in (a, b))
    with np.errstate(invalid="ignore"):
        return (a * b).sum(axis=-1) / np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))


def against(
    table: Table, networks: Mapping[str, nn.Module], *, budget: float = 10.0, rounds: int = 30,
    seed: int = 0,
) -> Against:  # fmt: skip
    """Time whole networks in turns, and set the table's estimates beside them.

    As in `lwsurvey.latency.lookup.build`, the C library keeps freed memory from then on.

    Args:
        table: has all their pieces.
        networks: three or more, by name.
        budget: seconds; the warm-up has a share of them, and the rounds are done in any case.
        rounds: how often each network is timed.
        seed: of the order and of the resampling.

    Raises:
        TableError: fewer than three networks, or one that the table has not the pieces of;
            before anything is timed.
    """
    if len(networks) < 3:
        raise TableError(f"a rank correlation needs three networks or more, not {len(networks)}")
    estimates = {name: table.estimate(network) for name, network in networks.items()}
    how = {"device": table.how.device, "channels_last": table.how.channels_last}
    calls = {n: latency.call(network, table.shape, **how) for n, network in networks.items()}
    keep()
    names = list(networks)
    seen = latency.compare(
        calls, device=table.how.device, threads=table.how.threads, budget=budget,
        pairs=[(names[1], names[0])], least_rounds=rounds, rounds=rounds, seed=seed,
    )  # fmt: skip
    frame = pd.DataFrame({"estimate": estimates, "measured": _times(seen).median()})
    frame["off"] = frame["estimate"] / frame["measured"] - 1
    return Against(frame.rename_axis("network"), seen, seed)


def _times(seen: Comparison) -> pd.DataFrame:
    """Seconds of each call; where much of the machine's time went to others, of those in which
    this thread computed, which pauses do not lengthen."""
    lost = seen.own is not None and any(d.kind == "lost" for d in seen.found)
    return seen.own if lost else seen.times
