"""What each choice does to accuracy and to time, all else equal; and rows that are made again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lwsurvey.search import space
from lwsurvey.search.table import Table
from lwsurvey.stats import mean_interval

KEPT = 1e-5
"""The table keeps six digits."""


def second_option(decision: str) -> str:
    """A decision of `lwsurvey.search.space.DECISIONS` with its second option, as in a figure."""
    return f"{decision} {space.DIMENSIONS[decision.split(', ')[1]][1]}"


def matched_pairs(decision: int) -> tuple[np.ndarray, np.ndarray]:
    """Networks that differ in one decision alone: without it and with it, places in the space."""
    codes = space.codes()
    off = np.flatnonzero(space.settle(codes)[1][:, decision] & (codes[:, decision] == 0))
    other = codes[off]
    other[:, decision] = 1
    return off, space.index(space.settle(other)[0])


def main_effects(table: Table) -> pd.DataFrame:
    """The mean effect of each choice over all pairs of networks that differ in it alone.

    Returns:
        Columns ``choice``, ``accuracy`` (Estimate, points) and ``time`` (geometric mean, per
        cent more time).
    """
    accuracy = table.accuracy("test").to_numpy()
    time, rows = np.log(table.networks.latency.to_numpy()), []
    for decision, name in enumerate(space.DECISIONS):
        off, on = matched_pairs(decision)
        points = mean_interval(accuracy[on] - accuracy[off])
        slower = 100 * np.expm1((time[on] - time[off]).mean())
        rows.append((second_option(name), points, slower))
    return pd.DataFrame(rows, columns=["choice", "accuracy", "time"])


def compare_rows(table: Table, made: pd.DataFrame) -> pd.DataFrame:
    """Trainings beside the table's rows of the same network and seed.

    Returns:
        By ``network``: ``seed``, ``table`` and ``here`` (test accuracies, %), ``difference``
        (points), ``the same`` (whether accuracies and loss agree to the digits that are kept).
    """
    both = table.runs.merge(made, on=["network", "seed"], suffixes=("", " here"))
    columns = ("validation", "test", "loss")
    close = [np.isclose(both[c], both[f"{c} here"], rtol=KEPT) for c in columns]
    found = both[["network", "seed"]].assign(table=both.test, here=both["test here"])
    found["difference"] = found.here - found.table
    found["the same"] = np.where(np.all(close, axis=0), "yes", "no")
    return found.set_index("network")
