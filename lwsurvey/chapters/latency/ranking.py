"""How well work predicts time: the order of networks, networks of equal MACs, and bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from lwsurvey.latency.roofline.estimates import POWER_FACTOR
from lwsurvey.stats import CONFIDENCE, Estimate

RESAMPLES = 1000


def tau(a: Sequence[float], b: Sequence[float]) -> float:
    """Kendall's rank correlation over the pairs that differ in both; 0 if there is none."""
    x, y = (np.sign(np.subtract.outer(*[np.asarray(each, float)] * 2)) for each in (a, b))
    return float((x * y).sum() / max(abs(x * y).sum(), 1))


def order_lost(macs: np.ndarray, halves: np.ndarray, *, seed: int = 0, note: str = "") -> Estimate:
    """`tau` of MACs with time, minus that of the two measurements of time with each other.

    A perfect stand-in for time would be 0: it orders networks as well as a second measurement
    does. The interval is of the bootstrap over the networks.

    Args:
        macs: shape ``(n,)``.
        halves: two measurements of the time, shape ``(2, n)``.
        seed: of the bootstrap.
        note: what disturbed the measurement.
    """

    def lost(draw: np.ndarray) -> float:
        x, (one, two) = macs[draw], halves[:, draw]
        return (tau(x, one) + tau(x, two)) / 2 - tau(one, two)

    return _bootstrap(lost, len(macs), seed, note)


def equal_macs_apart(
    macs: np.ndarray, halves: np.ndarray, within: float = 0.05, *, seed: int = 0, note: str = ""
) -> Estimate:
    """The 95th percentile of the ratio of times of two networks whose MACs hardly differ.

    Of the two measurements the smaller ratio counts, and 1 where they disagree about which of
    the two is the slower. The interval is of the bootstrap over the networks.

    Args:
        macs, halves, seed, note: as for `order_lost`.
        within: how much larger the larger number of MACs may be, as a share of the smaller.

    Raises:
        ValueError: no two networks are that close.
    """
    log = np.log(halves)
    one, two = (np.subtract.outer(half, half) for half in log)
    ratios = np.exp(np.where(one * two > 0, np.minimum(abs(one), abs(two)), 0))
    close = abs(np.subtract.outer(np.log(macs), np.log(macs))) < np.log1p(within)
    np.fill_diagonal(close, False)
    if not close.any():
        raise ValueError(f"no two of {len(macs)} networks have MACs within {within:.0%}")

    def high(draw: np.ndarray) -> float:
        two = np.ix_(draw, draw)
        found = ratios[two][close[two]]
        return float(np.quantile(found, 0.95)) if found.size else 1.0

    return _bootstrap(high, len(macs), seed, note)


def gain(measured: pd.DataFrame, *, seed: int = 0, note: str = "") -> tuple[float, Estimate]:
    """R² (leave one out) of log time by a line through log MACs, and what log bytes add to it.

    The interval is of the bootstrap over the rows, with the predictions left as they are.

    Args:
        measured: with ``macs``, ``bytes`` and ``seconds``.
        seed, note: as for `order_lost`.
    """
    logs = np.log(measured[["macs", "bytes", "seconds"]].to_numpy(float))
    y = logs[:, 2]

    def errors(columns: int) -> np.ndarray:
        X = np.column_stack([np.ones(len(y)), logs[:, :columns]])
        hat = X @ np.linalg.pinv(X)
        # The residual of a left-out row is the ordinary one over 1 - leverage.
        return ((y - hat @ y) / (1 - np.diag(hat))) ** 2

    alone, both = errors(1), errors(2)

    def added(draw: np.ndarray) -> float:
        return float((alone - both)[draw].sum() / ((y[draw] - y[draw].mean()) ** 2).sum())

    r2 = 1 - alone.sum() / ((y - y.mean()) ** 2).sum()
    return float(r2), _bootstrap(added, len(y), seed, note)


def _bootstrap(f: Callable[[np.ndarray], float], n: int, seed: int, note: str) -> Estimate:
    draws = np.random.default_rng(seed).integers(0, n, (RESAMPLES, n))
    value, found = f(np.arange(n)), [f(draw) for draw in draws]
    low, high = np.quantile(found, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    low, high = min(float(low), value), max(float(high), value)
    return Estimate(value, low, high, n, (high - low) / 2 * POWER_FACTOR, note)
