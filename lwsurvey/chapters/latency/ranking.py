"""How well work predicts time: wrong pairs, what bytes add, and the most unlike networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lwsurvey.latency import Comparison
from lwsurvey.latency.roofline.estimates import POWER_FACTOR, held_out
from lwsurvey.stats import CONFIDENCE, Estimate

RESAMPLES = 2000


def misranked(macs: Sequence[float], *seconds: Sequence[float]) -> float:
    """Percent of the pairs in which the network with fewer MACs takes more time.

    Of several measurements all have to say so. Pairs with equal MACs or, in one of them,
    equal times do not count.

    Raises:
        ValueError: not two sequences of equal length with a pair that counts.
    """
    wrong, pairs = _pairs(np.asarray(macs, float), *_arrays(seconds))
    above = np.triu_indices(len(wrong), 1)
    if not pairs[above].any():
        raise ValueError("no two of them differ in MACs and in time")
    return float(100 * wrong[above].sum() / pairs[above].sum())


def _arrays(seconds: Sequence[Sequence[float]]) -> list[np.ndarray]:
    return [np.asarray(each, float) for each in seconds]


def _pairs(macs: np.ndarray, *seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For all pairs: whether it is wrong, whether it counts; both of shape (n, n)."""
    if macs.ndim != 1 or any(macs.shape != each.shape for each in seconds):
        raise ValueError(f"need as many MACs as times, not {macs.shape} and {seconds[0].shape}")
    work = np.sign(np.subtract.outer(macs, macs))
    orders = np.array([work * np.sign(np.subtract.outer(each, each)) for each in seconds])
    return (orders < 0).all(axis=0), (orders != 0).all(axis=0)


def misranked_interval(
    macs: Sequence[float], *seconds: Sequence[float], seed: int = 0, note: str = ""
) -> Estimate:
    """`misranked` with a 95 % interval of the bootstrap over the networks.

    A network drawn twice makes no pair with itself, because equal MACs do not count.
    """
    x = np.asarray(macs, float)
    wrong, pairs = _pairs(x, *_arrays(seconds))
    draws = np.random.default_rng(seed).integers(0, len(x), (RESAMPLES, len(x)))
    shares = []
    for draw in draws:
        counted = pairs[np.ix_(draw, draw)].sum()
        if counted:
            shares.append(100 * wrong[np.ix_(draw, draw)].sum() / counted)
    return _interval(misranked(x, *seconds), np.array(shares), len(x), note)


def predict(features: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Each target from a linear least-squares fit to all the others (leave one out).

    Args:
        features: shape ``(n, f)``; a constant is added.
        target: shape ``(n,)``.

    Raises:
        ValueError: too few rows for the fit.
    """
    X = np.column_stack([np.ones(len(target)), features])
    if len(target) < X.shape[1] + 2:
        raise ValueError(f"{len(target)} rows are too few for {X.shape[1]} coefficients")
    hat = X @ np.linalg.pinv(X)
    # The residual of a left-out row is the ordinary one over 1 - leverage.
    return target - (target - hat @ target) / (1 - np.diag(hat))


def r_squared(features: np.ndarray, target: np.ndarray) -> float:
    """Cross-validated R²: 1 for a perfect prediction, 0 or less for a useless one."""
    errors = target - predict(features, target)
    return float(1 - (errors**2).sum() / ((target - target.mean()) ** 2).sum())


def r_squared_of_time(measured: pd.DataFrame, columns: int) -> float:
    """`r_squared` for log time from log MACs (1 column), or from log MACs and log bytes (2).

    Args:
        measured: with ``macs``, ``bytes`` and ``seconds``.
        columns: 1 or 2.
    """
    logs = _logs(measured)
    return r_squared(logs[:, :columns], logs[:, 2])


def gain(measured: pd.DataFrame, *, seed: int = 0, note: str = "") -> Estimate:
    """`r_squared_of_time` from MACs and bytes minus that from MACs alone.

    The interval is of the bootstrap over the rows, with the predictions left as they are.
    """
    logs = _logs(measured)
    y = logs[:, 2]
    alone, both = ((y - predict(logs[:, :k], y)) ** 2 for k in (1, 2))
    draws = np.random.default_rng(seed).integers(0, len(y), (RESAMPLES, len(y)))
    spread = ((y[draws] - y[draws].mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    drawn = (alone - both)[draws].sum(axis=1) / spread
    value = r_squared_of_time(measured, 2) - r_squared_of_time(measured, 1)
    return _interval(value, drawn, len(y), note)


def _logs(measured: pd.DataFrame) -> np.ndarray:
    return np.log(measured[["macs", "bytes", "seconds"]].to_numpy(float))


def _interval(value: float, draws: np.ndarray, n: int, note: str) -> Estimate:
    low, high = np.quantile(draws, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    low, high = min(float(low), value), max(float(high), value)
    return Estimate(value, low, high, n, (high - low) / 2 * POWER_FACTOR, note)


class Spread(NamedTuple):
    """Two competitors, and how much more the slow one takes."""

    slow: str
    quick: str
    ratio: Estimate


def spread_per_mac(comparison: Comparison, macs: Mapping[str, int]) -> Spread:
    """Largest over smallest time per MAC.

    Args:
        comparison: times of two networks or more.
        macs: name -> MACs.
    """
    work = pd.Series(macs)

    def pick(times: pd.DataFrame) -> tuple[str, str]:
        each = times[work.index].median() / work
        return each.idxmax(), each.idxmin()

    (slow, quick), rest = held_out(comparison, pick)
    factor = work[quick] / work[slow]
    return Spread(slow, quick, rest.estimate(lambda times: factor * times[slow] / times[quick]))


def spread_of_equals(
    comparison: Comparison, macs: Mapping[str, int], within: float = 0.05
) -> Spread:
    """Largest ratio of times of two networks whose MACs hardly differ.

    Args:
        comparison: times of the networks.
        macs: name -> MACs.
        within: how much larger the larger number of MACs may be, as a share of the smaller.

    Raises:
        ValueError: no two networks are that close.
    """
    work = pd.Series(macs)
    ratio = work.to_numpy()[:, None] / work.to_numpy()
    close = np.maximum(ratio, 1 / ratio) < 1 + within
    np.fill_diagonal(close, False)
    if not close.any():
        raise ValueError(f"no two of {len(work)} networks have MACs within {within:.0%}")

    def pick(times: pd.DataFrame) -> tuple[str, str]:
        each = times[work.index].median().to_numpy()
        rows = np.where(close, each[:, None] / each, 0)
        slow, quick = np.unravel_index(rows.argmax(), rows.shape)
        return work.index[slow], work.index[quick]

    (slow, quick), rest = held_out(comparison, pick)
    return Spread(slow, quick, rest.ratio(slow, quick))
