"""Which network a reward prefers, and what accuracy a doubling of the latency really brings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lwsurvey.chapters.mnasnet_reward import tables
from lwsurvey.search import fronts
from lwsurvey.search.reward import reward
from lwsurvey.stats import CONFIDENCE, Estimate, mean_interval

SIZES = ("V3-Small", "V3-Large")

HALF_TOP1, HALF_MS = 0.05, {"V3-Small": 0.05, "V3-Large": 0.5}
"""Half a unit of the last digit in MobileNet V3's table: points of accuracy, ms on a Pixel 1."""


def winner(cloud: pd.DataFrame, target: float, alpha: float, beta: float) -> str:
    """The network that the reward prefers."""
    return str(reward(cloud.top1, cloud.latency, target, alpha, beta).idxmax())


def winners(
    cloud: pd.DataFrame, targets: np.ndarray, alphas: np.ndarray, betas: np.ndarray
) -> np.ndarray:
    """Positions in the cloud of the networks that the reward prefers, shape ``(t, k)``.

    Args:
        cloud: networks with ``top1`` and ``latency``.
        targets: shape ``(t,)``.
        alphas: shape ``(k,)``.
        betas: shape ``(k,)``.
    """
    top1, latency = (cloud[name].to_numpy()[:, None, None] for name in ("top1", "latency"))
    return reward(top1, latency, targets[:, None], alphas, betas).argmax(axis=0)


def front(cloud: pd.DataFrame) -> pd.DataFrame:
    """The networks that no other one equals in both and beats in one, fastest first."""
    kept = cloud[fronts.front(cloud.latency, cloud.top1)]
    return kept.drop_duplicates(["latency", "top1"]).sort_values("latency")


def hull(cloud: pd.DataFrame) -> pd.DataFrame:
    """The networks that a reward with one exponent can prefer, and for which exponents.

    In the plane of logarithms such a reward is a straight line, so that these are the corners
    of the upper convex hull (Andrew's monotone chain).

    Returns:
        The corners, fastest first, with ``w from`` (minus infinity for the fastest) and ``w
        to`` (0 for the most accurate).
    """
    rows = front(cloud)
    x, y = np.log(rows.latency.to_numpy()), np.log(rows.top1.to_numpy())

    def on_or_below(b: int, a: int, c: int) -> bool:
        """Whether b lies on or below the line from a to c."""
        return (x[b] - x[a]) * (y[c] - y[a]) >= (y[b] - y[a]) * (x[c] - x[a])

    kept: list[int] = []
    for i in range(len(rows)):
        while len(kept) > 1 and on_or_below(kept[-1], kept[-2], i):
            kept.pop()
        kept.append(i)
    slopes = np.diff(y[kept]) / np.diff(x[kept])
    low, high = -np.append(np.inf, slopes), -np.append(slopes, 0.0)
    return rows.iloc[kept].assign(**{"w from": low, "w to": high + 0.0})


def shortfall(cloud: pd.DataFrame) -> float:
    """Accuracy that a network of the front lacks to be preferred for some w, at most, per cent."""
    best, corners = front(cloud), hull(cloud)
    line = np.interp(np.log(best.latency), np.log(corners.latency), np.log(corners.top1))
    return float(100 * (np.exp(line) / best.top1 - 1).max())


def elasticity(latency, top1):
    """ln(accuracy ratio) / ln(latency ratio) of neighbours; latencies ascend, shape ``(n,)``."""
    return np.diff(np.log(np.asarray(top1))) / np.diff(np.log(np.asarray(latency)))


def local_slope(cloud: pd.DataFrame, at: float, block: str | None = None) -> float:
    """Slope at one latency of the parabola that fits ln(accuracy) over log2(latency) best."""
    x = np.log2(cloud.latency.to_numpy() / at)
    heights = pd.get_dummies(cloud[block]).to_numpy(float) if block else np.ones((len(x), 1))
    columns = np.column_stack([x, x**2, heights])
    return float(np.linalg.lstsq(columns, np.log(cloud.top1.to_numpy()), rcond=None)[0][0])


def local_gain(
    cloud: pd.DataFrame, at: float, block: str | None = None, confidence: float = CONFIDENCE
) -> Estimate:
    """Relative gain of accuracy for a doubling of the latency, at one latency, per cent.

    The parabola has one height for each block. Its interval is that of the jackknife: the fit is
    repeated without each block, or without each network if there are no blocks, and the
    pseudo-values are averaged.

    Args:
        cloud: networks with ``top1`` and ``latency``, and the blocks.
        at: latency, in the unit of the cloud.
        block: column whose values have a height each, such as ``input``.
        confidence: probability that the interval contains the true gain.
    """
    groups = cloud[block] if block else pd.Series(range(len(cloud)), cloud.index)
    without = [local_slope(cloud[groups != one], at, block) for one in groups.unique()]
    n, whole = len(without), local_slope(cloud, at, block)
    slope = mean_interval(n * whole - (n - 1) * np.array(without), confidence)
    seen = np.expm1(slope.value + slope.detectable) - np.expm1(slope.value)
    value, low, high = (100 * np.expm1(end) for end in (slope.value, slope.low, slope.high))
    return Estimate(value, low, high, n, 100 * seen)


def v3_elasticity(size: str, column: str = "P1_ms_final", moved: float = 0) -> float:
    """Elasticity of V3-Small or V3-Large between its widths 0.75 and 1.

    Args:
        size: one of `SIZES`.
        column: phone and version, see `tables.v3`.
        moved: half units by which the printed figures are moved apart (1) or together (-1).
    """
    two = tables.v3(column).loc[[f"{size} 0.75", f"{size} 1.0"]]
    apart = moved * np.array([-1, 1])
    moved_top1, moved_ms = two.top1 + HALF_TOP1 * apart, two.latency - HALF_MS[size] * apart
    return float(elasticity(moved_ms, moved_top1)[0])


def rounding_interval(size: str) -> Estimate:
    """Elasticity on a Pixel 1 with the ends that the printed digits leave open."""
    low, value, high = (v3_elasticity(size, moved=side) for side in (-1, 0, 1))
    return Estimate(value, low, high, 1)
