"""Random clouds of networks: what a constraint and a penalty for missing it would choose."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lwsurvey.search.reward import HARD, reward

PROHIBITIVE = (0.0, -1000.0)
"""Exponents with which no network of `drawn` can make up for missing the target: half a per
cent too slow leaves less than a hundredth of the reward, and accuracies differ by 1.6."""


def drawn(clouds: int, networks: int = 30, seed: int = 0) -> pd.DataFrame:
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


def chosen(cloud: pd.DataFrame, exponents: tuple[float, float] = HARD) -> pd.DataFrame:
    """The network of each cloud that the reward prefers; a row a cloud, columns as `drawn`."""
    paid = reward(cloud.accuracy, cloud.latency, cloud.target, *exponents)
    return cloud.loc[paid.groupby(cloud.cloud).idxmax()].set_index("cloud")


def constrained(cloud: pd.DataFrame) -> pd.DataFrame:
    """The most accurate network within the target of each cloud, as `chosen`."""
    within = cloud[cloud.latency <= cloud.target]
    return cloud.loc[within.groupby("cloud").accuracy.idxmax()].set_index("cloud")


def agreeing(cloud: pd.DataFrame, exponents: tuple[float, float]) -> float:
    """Share of the clouds in which the reward prefers what the constraint does."""
    columns = ["accuracy", "latency"]
    same = chosen(cloud, exponents)[columns] == constrained(cloud)[columns]
    return float(same.all(axis=1).mean())


def kept(cloud: pd.DataFrame, exponents: tuple[float, float]) -> float:
    """Share of the clouds in which the network that the reward prefers meets the target."""
    found = chosen(cloud, exponents)
    return float((found.latency <= found.target).mean())
