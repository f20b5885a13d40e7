"""What a study says: means of variants, and differences between variants, with intervals."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from lwsurvey.stats import Estimate, mean_interval


def difference(frame: pd.DataFrame, a: str, b: str, column: str = "test") -> Estimate:
    """Mean of variant ``a`` minus variant ``b``, paired by seed, with Student's t interval.

    Args:
        frame: as `repeat` gives it.
        a: a variant.
        b: another.
        column: ``test``, ``validation`` (then in points of per cent), ``loss`` or ``seconds``.

    Raises:
        ValueError: a variant or a column is missing, or the variants have not the same seeds.
    """
    first, second = _by_seed(frame, a, column), _by_seed(frame, b, column)
    if odd := sorted(set(first.index) ^ set(second.index)):
        raise ValueError(f"{a!r} and {b!r} are not paired: only one of them has the seeds {odd}")
    found = mean_interval((first - second.reindex(first.index)).to_numpy())
    return replace(found, runs=provenance(frame, found.n))


def summary(frame: pd.DataFrame, column: str = "test") -> pd.DataFrame:
    """Mean over the seeds of each variant with its 95 % interval (Student's t).

    Returns:
        Columns ``variant``, ``mean``, ``low``, ``high`` and ``n``, in the order of the variants.
    """
    found = means(frame, column).items()
    rows = [(name, one.value, one.low, one.high, one.n) for name, one in found]
    return pd.DataFrame(rows, columns=["variant", "mean", "low", "high", "n"])


def means(frame: pd.DataFrame, column: str = "test") -> dict[str, Estimate]:
    """Mean over the seeds of each variant, with Student's t interval, in the order of the variants.

    Args:
        frame: as `repeat` gives it.
        column: as `difference`.

    Raises:
        ValueError: no such column, a seed twice in a variant, or a variant with one seed.
    """
    names = dict.fromkeys(frame["variant"])
    return {name: mean_interval(_by_seed(frame, name, column).to_numpy()) for name in names}


def provenance(frame: pd.DataFrame, seeds: int) -> str:
    """How many seeds, and where and when they were trained, as `repeat` noted it."""
    said = frame.attrs.get("runs", "trained in this run")
    return f"{seeds} seeds, {said}"


def format_interval(effect: Estimate) -> str:
    """A difference in points with its interval as text, and whether the interval includes zero."""
    text = effect.text("+.2f", " points")
    return f"{text} (which includes zero)" if effect.low <= 0 <= effect.high else text


def _by_seed(frame: pd.DataFrame, variant: str, column: str) -> pd.Series:
    if column not in frame:
        raise ValueError(f"there is no column {column!r}; there are {', '.join(frame.columns)}")
    rows = frame[frame["variant"] == variant]
    if rows.empty:
        variants = ", ".join(map(repr, dict.fromkeys(frame["variant"])))
        raise ValueError(f"there is no variant {variant!r}; there are {variants}")
    values = rows.set_index("seed")[column]
    if not values.index.is_unique:
        raise ValueError(f"a seed stands twice in variant {variant!r}")
    return values
