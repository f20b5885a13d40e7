"""What each choice does to accuracy and to time, all else equal; and rows that are made anew."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm, spearmanr

from lwsurvey.latency import Comparison
from lwsurvey.search import network, space
from lwsurvey.search.table import Table
from lwsurvey.stats import Estimate, mean_interval

LABELS = {
    "operation": "inverted, not separable",
    "kernel": "kernel 5, not 3",
    "se_ratio": "squeeze-and-excitation",
    "filters": "filters × 1.25, not 0.75",
    "layers": "2 layers, not 1",
    "skip": "skip connection",
}

KEPT = 1e-5
"""The table keeps six digits."""


def matched_pairs(decision: int) -> tuple[np.ndarray, np.ndarray]:
    """Networks that differ in one decision alone: without it and with it, places in the space."""
    codes = space.codes()
    free = space.settle(codes)[1][:, decision]
    off = np.flatnonzero(free & (codes[:, decision] == 0))
    other = codes[off].copy()
    other[:, decision] = 1
    settled, _ = space.settle(other)
    return off, space.index(settled)


def main_effects(table: Table) -> pd.DataFrame:
    """The mean effect of each choice over all pairs of networks that differ in it alone.

    Returns:
        Columns ``block``, ``choice``, ``accuracy`` (Estimate, points) and ``time`` (Estimate,
        per cent more time).
    """
    accuracy = table.accuracy("test").to_numpy()
    time = np.log(table.networks.latency.to_numpy())
    rows = []
    for decision, name in enumerate(space.DECISIONS):
        off, on = matched_pairs(decision)
        block, dimension = name.split(", ")
        points = mean_interval(accuracy[on] - accuracy[off])
        rows.append((block, LABELS[dimension], points, _percent(time[on] - time[off])))
    return pd.DataFrame(rows, columns=["block", "choice", "accuracy", "time"])


def _percent(logs: np.ndarray) -> Estimate:
    one = mean_interval(logs)
    value, low, high = (float(100 * np.expm1(x)) for x in (one.value, one.low, one.high))
    return Estimate(value, low, high, one.n, 100 * float(one.detectable))


def rebuild(table: Table, count: int, seed: int, jobs: int) -> pd.DataFrame:
    """Train random rows of the table again.

    Args:
        table: with the rows.
        count: how many, each with another network.
        seed: which networks, and which of their runs.
        jobs: as `network.fit`.

    Returns:
        By ``network``: ``seed``, ``table`` and ``here`` (test accuracies, %), ``difference``
        (points), ``the same`` (whether both
        accuracies and the loss are those of the table, to the digits that it keeps).
    """
    shuffled = table.runs.sample(frac=1, random_state=seed)
    wanted = shuffled.drop_duplicates("network").head(count)
    made = pd.concat(
        network.fit([space.parse(row.network) for row in rows.itertuples()], [number], jobs=jobs)
        for number, rows in wanted.groupby("seed")
    )
    both = wanted.merge(made, on=["network", "seed"], suffixes=("", " here"))
    close = [
        np.isclose(both[c], both[f"{c} here"], rtol=KEPT) for c in ("validation", "test", "loss")
    ]
    found = pd.DataFrame({"network": both.network, "seed": both.seed, "table": both.test})
    found["here"] = both["test here"]
    found["difference"] = found.here - found.table
    found["the same"] = np.where(np.all(close, axis=0), "yes", "no")
    return found.set_index("network")


def limit(noise: float, count: int) -> float:
    """The difference, in points, that none of ``count`` honest rows exceeds with 95 %."""
    return float(norm.ppf(1 - 0.025 / count) * np.sqrt(2) * noise)


def time_again(table: Table, names: list[str], rounds: int) -> tuple[pd.DataFrame, Comparison]:
    """Time networks of the table again, in one comparison.

    Returns:
        Columns ``in the table`` and ``here`` (milliseconds) by network; and the comparison.
    """
    found = network.compare([space.parse(name) for name in names], rounds=rounds)
    here = [1e3 * found.time(name).value for name in names]
    before = 1e3 * table.networks.latency[names]
    return pd.DataFrame({"in the table": before, "here": here}), found


def agreement(times: pd.DataFrame) -> tuple[float, float]:
    """Spearman's rank correlation of both times, and the geometric mean of here over table."""
    ratio = float(np.exp(np.log(times["here"] / times["in the table"]).mean()))
    return float(spearmanr(times["here"], times["in the table"]).statistic), ratio
