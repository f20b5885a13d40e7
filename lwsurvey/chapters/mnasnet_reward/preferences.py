"""Which network a reward prefers: of published ones, and of random clouds under a constraint."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lwsurvey.chapters.mnasnet_reward.tables import TARGET
from lwsurvey.search import fronts
from lwsurvey.search.reward import HARD, gain, reward

PROHIBITIVE = (0.0, -1000.0)
"""Exponents with which no network of `random_clouds` can make up for missing the target: half a
per cent too slow leaves less than a hundredth of the reward, and accuracies differ by 1.6."""


def front(cloud: pd.DataFrame) -> pd.DataFrame:
    """The networks that no other one equals in both and beats in one, fastest first."""
    kept = cloud[fronts.front(cloud.latency, cloud.top1)]
    return kept.drop_duplicates(["latency", "top1"]).sort_values("latency")


def hull(cloud: pd.DataFrame) -> pd.DataFrame:
    """The networks that a reward with one exponent can prefer, and for which exponents.

    In the plane of logarithms such a reward is a straight line, so that these are the corners
    of the convex hull on the side of much accuracy and little latency.

    Returns:
        The corners, fastest first, with ``w from`` (minus infinity for the fastest) and ``w
        to`` (0 for the most accurate).
    """
    corners = _upper_hull(front(cloud))
    x, y = np.log(corners.latency), np.log(corners.top1)
    slopes = np.diff(y) / np.diff(x)
    low, high = -np.append(np.inf, slopes), -np.append(slopes, 0.0)
    return corners.assign(**{"w from": low, "w to": high})


def ranges(corners: pd.DataFrame) -> pd.DataFrame:
    """`hull` for print: exponents, and the gains for a doubling that they ask for."""
    low, high = corners["w from"], corners["w to"]
    texts = {
        "w from": [f"{x:.4f}" if np.isfinite(x) else "below" for x in low],
        "w to": [f"{x:.4f}" for x in high + 0.0],
        "a doubling from, %": [f"{100 * gain(x):.2f}" for x in high],
        "a doubling to, %": [f"{100 * gain(x):.2f}" if np.isfinite(x) else "more" for x in low],
    }
    return corners[["latency", "top1"]].assign(**texts)


def winner(cloud: pd.DataFrame, target: float, alpha: float, beta: float) -> str:
    """The network that the reward prefers."""
    return str(reward(cloud.top1, cloud.latency, target, alpha, beta).idxmax())


def winners(
    cloud: pd.DataFrame, targets: np.ndarray, alphas: np.ndarray, betas: np.ndarray
) -> np.ndarray:
    """Places in the cloud of the networks that the reward prefers.

    Args:
        cloud: of n networks.
        targets: shape (t,).
        alphas: shape (k,).
        betas: shape (k,).

    Returns:
        An array of places, shape (t, k).
    """
    top1, latency = (cloud[name].to_numpy()[:, None, None] for name in ("top1", "latency"))
    return reward(top1, latency, targets[:, None], alphas, betas).argmax(axis=0)


def best_within(cloud: pd.DataFrame, target: float) -> str:
    """The most accurate network within the target: the solution of the constrained problem."""
    return str(cloud[cloud.latency <= target].top1.idxmax())


def latecomers(cloud: pd.DataFrame, target: float = TARGET) -> pd.DataFrame:
    """The networks that miss the target and are more accurate than the best that keeps it.

    Returns:
        Columns ``late, %``, ``more accurate, %`` (relative to the best within the target), and
        the weakest exponent beyond the target that would refuse the network, ``beta`` if
        latency is free within the target, ``w`` if the same exponent holds there.
    """
    best = cloud.loc[best_within(cloud, target)]
    beyond = cloud[(cloud.latency > target) & (cloud.top1 > best.top1)]
    found = beyond[["top1", "latency"]].copy()
    found["late, %"] = 100 * (beyond.latency / target - 1)
    found["more accurate, %"] = 100 * (beyond.top1 / best.top1 - 1)
    gained = np.log(beyond.top1 / best.top1)
    found["beta"] = -gained / np.log(beyond.latency / target)
    found["w"] = -gained / np.log(beyond.latency / best.latency)
    return found


def tolerance(gain: float, exponent: float) -> float:
    """How late a network may be for a relative gain of accuracy, in per cent of the latency.

    The reward is unchanged if ``(1 + gain) * k ** exponent = 1`` for k times the latency.
    """
    return 100 * ((1 + gain) ** (-1 / exponent) - 1)


def random_clouds(clouds: int, networks: int = 30, seed: int = 0) -> pd.DataFrame:
    """Clouds of networks with accuracies of 50 to 80 % and whole latencies of 10 to 200 ms.

    Accuracy and latency are independent, and so is the target, a whole number that at least one
    network of each cloud meets.

    Returns:
        Columns ``cloud``, ``accuracy``, ``latency``, ``target``.
    """
    rng = np.random.default_rng(seed)
    latency = rng.integers(10, 201, (clouds, networks))
    target = rng.integers(latency.min(axis=1), 201)
    columns = {
        "cloud": np.repeat(np.arange(clouds), networks),
        "accuracy": rng.uniform(50, 80, clouds * networks),
        "latency": latency.ravel(),
        "target": np.repeat(target, networks),
    }
    return pd.DataFrame(columns)


def choices(cloud: pd.DataFrame, exponents: tuple[float, float] = HARD) -> pd.DataFrame:
    """The network of each cloud that the reward prefers; columns as `random_clouds`, by cloud."""
    paid = reward(cloud.accuracy, cloud.latency, cloud.target, *exponents)
    return cloud.loc[paid.groupby(cloud.cloud).idxmax()].set_index("cloud")


def constrained_choices(cloud: pd.DataFrame) -> pd.DataFrame:
    """The most accurate network within the target of each cloud, as `choices`."""
    within = cloud[cloud.latency <= cloud.target]
    return cloud.loc[within.groupby("cloud").accuracy.idxmax()].set_index("cloud")


def agreement(cloud: pd.DataFrame, exponents: tuple[float, float]) -> float:
    """Share of the clouds in which the reward prefers what the constraint does."""
    columns = ["accuracy", "latency"]
    same = choices(cloud, exponents)[columns] == constrained_choices(cloud)[columns]
    return float(same.all(axis=1).mean())


def compliance(cloud: pd.DataFrame, exponents: tuple[float, float]) -> float:
    """Share of the clouds in which the network that the reward prefers meets the target."""
    found = choices(cloud, exponents)
    return float((found.latency <= found.target).mean())


def _upper_hull(points: pd.DataFrame) -> pd.DataFrame:
    """Corners of the upper hull of a front in logarithms (Andrew's monotone chain)."""
    x, y = np.log(points.latency.to_numpy()), np.log(points.top1.to_numpy())
    kept: list[int] = []
    for i in range(len(points)):
        while len(kept) > 1 and _below(x, y, kept[-2], kept[-1], i):
            kept.pop()
        kept.append(i)
    return points.iloc[kept]


def _below(x: np.ndarray, y: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether b lies on or below the line from a to c."""
    return (x[b] - x[a]) * (y[c] - y[a]) >= (y[b] - y[a]) * (x[c] - x[a])
