"""What a study says: means of arms, and differences between arms, with intervals."""

from __future__ import annotations

import pandas as pd

from lwsurvey.stats import Estimate, mean_interval


def difference(frame: pd.DataFrame, a: str, b: str, column: str = "test") -> Estimate:
    """Mean of arm ``a`` minus arm ``b``, paired by seed, with Student's t interval.

    Args:
        frame: as `repeat` gives it.
        a: an arm.
        b: another.
        column: ``test``, ``validation`` (then in points of per cent), ``loss`` or ``seconds``.

    Raises:
        ValueError: an arm or a column is missing, or the arms have not the same seeds.
    """
    first, second = _by_seed(frame, a, column), _by_seed(frame, b, column)
    if odd := sorted(set(first.index) ^ set(second.index)):
        raise ValueError(f"{a!r} and {b!r} are not paired: only one of them has the seeds {odd}")
    return mean_interval((first - second.reindex(first.index)).to_numpy())


def summary(frame: pd.DataFrame, column: str = "test") -> pd.DataFrame:
    """Mean over the seeds of each arm with its 95 % interval (Student's t).

    Returns:
        Columns ``arm``, ``mean``, ``low``, ``high`` and ``n``, in the order of the arms.
    """
    found = means(frame, column).items()
    rows = [(arm, one.value, one.low, one.high, one.n) for arm, one in found]
    return pd.DataFrame(rows, columns=["arm", "mean", "low", "high", "n"])


def means(frame: pd.DataFrame, column: str = "test") -> dict[str, Estimate]:
    """Mean over the seeds of each arm, with Student's t interval, in the order of the arms.

    Args:
        frame: as `repeat` gives it.
        column: as `difference`.

    Raises:
        ValueError: no such column, a seed twice in an arm, or an arm with one seed.
    """
    arms = dict.fromkeys(frame["arm"])
    return {arm: mean_interval(_by_seed(frame, arm, column).to_numpy()) for arm in arms}


def format_interval(effect: Estimate) -> str:
    """A difference in points as text: its interval, and whether it was told from nothing."""
    text = effect.text("+.2f", " points")
    return f"{text}, not told from nothing" if effect.low <= 0 <= effect.high else text


def _by_seed(frame: pd.DataFrame, arm: str, column: str) -> pd.Series:
    if column not in frame:
        raise ValueError(f"there is no column {column!r}; there are {', '.join(frame.columns)}")
    rows = frame[frame["arm"] == arm]
    if rows.empty:
        arms = ", ".join(map(repr, dict.fromkeys(frame["arm"])))
        raise ValueError(f"there is no arm {arm!r}; there are {arms}")
    values = rows.set_index("seed")[column]
    if not values.index.is_unique:
        raise ValueError(f"a seed stands twice in arm {arm!r}")
    return values
