"""Medians of correlated rounds, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy import stats

from lwsurvey.stats import CONFIDENCE, POWER, Estimate

RESAMPLES = 2000
# Functions of the user may be slow.
FUNCTION_RESAMPLES = 1000
# A standard error needs fewer resamples than the ends of an interval.
HALF_RESAMPLES = 200
SHORTEST_HALF = 5
# Numbers that are handled at once: 16 MB, whatever the number of rounds.
_CHUNK = 2_000_000
# So many standard errors lie between two halves of a run that drifts, or in 0.3 % of the runs
# that do not.
DRIFT_ERRORS = 3.0

Function = Callable[[pd.Series], float]
Rounds = TypeVar("Rounds", np.ndarray, pd.DataFrame)


@dataclass(frozen=True)
class Interval:
    """A median, where it lies, and what its two halves say.

    Attributes:
        value: point estimate.
        low, high: ends of the interval.
        halves: the estimate from the first and from the second half of the rounds, if they
            differ by more than chance; None otherwise.
    """

    value: float
    low: float
    high: float
    halves: tuple[float, float] | None = None


def block_length(table: np.ndarray) -> int:
    """Rounds that are drawn together, so that their correlation is kept.

    The cube root of the number of rounds n, the rate of Künsch (1989); the square root if
    neighbours are seen to be correlated. Ratios of interleaved competitors hardly are, times
    under load are by 0.1 to 0.6. In simulations with normal and with heavy-tailed noise, a
    correlation of 0.5 leaves about 90 % of the intervals right where 95 % are meant, and 15
    rounds cannot see it. Fewer than all rounds: circular blocks that hold all of them give
    the same median each time, and an interval of no width.

    Args:
        table: one number a round, shape ``(n,)``, or several, shape ``(n, columns)``.
    """
    n = len(table)
    ranks = stats.rankdata(table.reshape(n, -1), axis=0)
    ranks = ranks - ranks.mean(axis=0)
    power = (ranks**2).sum(axis=0)
    lagged = (ranks[1:] * ranks[:-1]).sum(axis=0) / np.where(power > 0, power, 1)
    correlated = np.median(lagged) > 2 / math.sqrt(n)
    length = math.ceil(math.sqrt(n) if correlated else n ** (1 / 3))
    return min(length, max(1, n - 1))


def resample(n: int, length: int, seed: int, count: int) -> Iterator[np.ndarray]:
    """Rounds of a circular block bootstrap (Politis and Romano 1992).

    Args:
        n: rounds.
        length: of a block.

    Yields:
        Chunks of indices of rounds, shape ``(some, n)``; ``count`` rows in all.
    """
    rng = np.random.default_rng(seed)
    blocks, within = math.ceil(n / length), np.arange(length)
    step = max(1, _CHUNK // n)
    for done in range(0, count, step):
        some = min(step, count - done)
        starts = rng.integers(n, size=(some, blocks, 1))
        yield ((starts + within) % n).reshape(some, -1)[:, :n]


def medians(series: np.ndarray, seed: int, count: int = RESAMPLES) -> np.ndarray:
    """Medians of resampled rounds, shape ``(count,)``."""
    chunks = resample(len(series), block_length(series), seed, count)
    return np.concatenate([np.median(series[index], axis=1) for index in chunks])


def of_median(series: np.ndarray, confidence: float, seed: int) -> Interval:
    """The median of one number a round, with its interval.

    Raises:
        ValueError: fewer than two rounds.
    """
    _check_rounds(series)
    value = float(np.median(series))
    blocks = math.ceil(len(series) / block_length(series))
    low, high = ends(value, medians(series, seed), confidence, blocks)
    return Interval(value, low, high, halves(series, seed))


def _check_rounds(rounds: np.ndarray | pd.DataFrame) -> None:
    if len(rounds) < 2:
        raise ValueError(f"an interval needs two rounds or more, not {len(rounds)}")


def ends(value: float, drawn: np.ndarray, confidence: float, blocks: int) -> tuple[float, float]:
    """Percentiles of the bootstrap, moved apart as Student's t is wider than the normal.

    With few blocks the bootstrap sees too little of the spread, as a standard deviation of few
    numbers does.
    """
    tail = (1 - confidence) / 2
    wider = stats.t.ppf(1 - tail, max(1, blocks - 1)) / stats.norm.ppf(1 - tail)
    low, high = value + wider * (np.quantile(drawn, [tail, 1 - tail]) - value)
    return min(value, float(low)), max(value, float(high))


def halves(series: np.ndarray, seed: int) -> tuple[float, float] | None:
    """Medians of the first and the second half, if they differ by more than chance."""
    parts = _split(series)
    errors = [medians(part, seed, HALF_RESAMPLES).std() for part in parts]
    return _apart([float(np.median(part)) for part in parts], errors)


def _split(rounds: Rounds) -> list[Rounds]:
    """First and second half; none if they would be too short to know their error."""
    half = len(rounds) // 2
    return [rounds[:half], rounds[-half:]] if half >= SHORTEST_HALF else []


def _apart(values: list[float], errors: list[float]) -> tuple[float, float] | None:
    if not values or abs(values[0] - values[1]) <= DRIFT_ERRORS * math.hypot(*errors):
        return None
    return values[0], values[1]


def widen(interval: Interval, disturbed: bool, computed: float | None = None) -> Interval:
    """Twice as wide if the run was disturbed; wide enough for all other answers it gives.

    Args:
        disturbed: whether other processes took part of the machine.
        computed: the value by the time in which the thread computed, where that is better.
    """
    factor = 2 if disturbed else 1
    low = interval.value - factor * (interval.value - interval.low)
    high = interval.value + factor * (interval.high - interval.value)
    cover = [low, high, *(interval.halves or ()), *([] if computed is None else [computed])]
    return Interval(interval.value, min(cover), max(cover), interval.halves)


def estimate(interval: Interval, n: int, confidence: float, note: str) -> Estimate:
    """The interval as the rest of the book knows it."""
    half = max(interval.high - interval.value, interval.value - interval.low)
    away = stats.norm.ppf((1 + confidence) / 2)
    detectable = half * (1 + stats.norm.ppf(POWER) / away)
    return Estimate(interval.value, interval.low, interval.high, n, float(detectable), note)


def each_of(looks: int) -> float:
    """The confidence of each of so many looks, so that all are right together (Bonferroni)."""
    return 1 - (1 - CONFIDENCE) / looks


def of_function(times: pd.DataFrame, f: Function, confidence: float, seed: int) -> Interval:
    """A number from the medians of all columns, with its interval from resampled rounds.

    Raises:
        ValueError: fewer than two rounds, or the function gives a number that is not finite.
    """
    _check_rounds(times)
    value, drawn = _function(times, f, seed, FUNCTION_RESAMPLES)
    blocks = math.ceil(len(times) / block_length(times.to_numpy()))
    low, high = ends(value, drawn, confidence, blocks)
    parts = [_function(part, f, seed, HALF_RESAMPLES) for part in _split(times)]
    moved = _apart([v for v, _ in parts], [d.std() for _, d in parts])
    return Interval(value, low, high, moved)


def _function(times: pd.DataFrame, f: Function, seed: int, count: int) -> tuple[float, np.ndarray]:
    """The function of the medians, and of medians of resampled rounds, shape ``(count,)``."""
    table, names = times.to_numpy(), times.columns
    drawn = [
        float(f(pd.Series(row, index=names)))
        for index in resample(len(table), block_length(table), seed, count)
        for row in np.column_stack([np.median(column[index], axis=1) for column in table.T])
    ]
    value = float(f(times.median()))
    if not (math.isfinite(value) and np.isfinite(drawn).all()):
        raise ValueError("the function of the medians gives numbers that are not finite")
    return value, np.array(drawn)
