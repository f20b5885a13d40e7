"""Estimates with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

CONFIDENCE = 0.95
POWER = 0.80


@dataclass(frozen=True)
class Estimate:
    """A measured quantity and the interval that it lies in.

    Attributes:
        value: point estimate.
        low: lower end of the interval.
        high: upper end of the interval.
        n: number of repeats; 1 for an exact count.
        detectable: the smallest distance from a limit that ``n`` repeats of this spread
            would have shown with 80 % probability; None for an exact count.
        note: what disturbed the measurement and what that did to the interval; empty if
            nothing did.
        runs: sentence on the trained networks behind the value: how many, where and when they
            were trained, and how many of them again in this build; empty if none was trained.
        unjudged: why neither the value nor its interval may decide a claim, such as load beside
            a comparison that used all cores; empty if it may.
    """

    value: float
    low: float
    high: float
    n: int
    detectable: float | None = None
    note: str = ""
    runs: str = ""
    unjudged: str = ""

    def __post_init__(self) -> None:
        if not all(math.isfinite(x) for x in (self.value, self.low, self.high)):
            raise ValueError(f"an estimate must be finite, this one is {self}")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"the interval must contain the estimate, this one is {self}")

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}] (n = {self.n})"

    def text(self, form: str = ".2f", unit: str = "") -> str:
        """The estimate with its interval, such as ``+1.20 points [+0.80, +1.60]``.

        Args:
            form: format of the three numbers.
            unit: behind the first of them, with its space.
        """
        value, low, high = (format(x, form) for x in (self.value, self.low, self.high))
        return f"{value}{unit} [{low}, {high}]"


def exact(value: float) -> Estimate:
    """An estimate without uncertainty, such as a count."""
    return Estimate(value, value, value, 1)


def mean_interval(repeats: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Mean of independent repeats with Student's t interval.

    Args:
        repeats: measurements, shape ``(n,)`` with n >= 2.
        confidence: probability that the interval contains the true mean.

    Raises:
        ValueError: not one-dimensional, fewer than two repeats, or not all finite.
    """
    x = np.asarray(repeats, dtype=float)
    if x.ndim != 1 or x.size < 2:
        raise ValueError(f"need two or more repeats in one dimension, got shape {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"{(~np.isfinite(x)).sum()} of {x.size} repeats are not finite")
    n, equal = x.size, x.min() == x.max()
    # Rounding of the mean must not make equal repeats differ.
    mean = float(x[0] if equal else x.mean())
    error = 0.0 if equal else float(x.std(ddof=1)) / math.sqrt(n)
    t = float(stats.t.ppf((1 + confidence) / 2, n - 1))
    # The shift of the t statistic that puts it beyond t with the probability POWER.
    shift = float(special.nctdtrinc(n - 1, 1 - POWER, t))
    return Estimate(mean, mean - t * error, mean + t * error, n, shift * error)


def normal_interval(value: float, error: float, n: int) -> Estimate:
    """An estimate whose standard error is known, such as from a bootstrap, with a normal interval.

    Args:
        value: point estimate.
        error: its standard error.
        n: number of repeats behind it.
    """
    z, power = (float(stats.norm.ppf(p)) for p in ((1 + CONFIDENCE) / 2, POWER))
    value, error = float(value), float(error)
    return Estimate(value, value - z * error, value + z * error, n, (z + power) * error)
