"""What accuracy latency really buys: elasticities and gains for a doubling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from lwsurvey.chapters.mnasnet_reward import tables
from lwsurvey.chapters.mnasnet_reward.preferences import front
from lwsurvey.search.table import Table
from lwsurvey.stats import CONFIDENCE, POWER, Estimate

PHONES = {f"Pixel {n}": f"P{n}_ms" for n in (1, 2, 3)}
VERSIONS = {"final": "final", "first preprint": "arxiv1"}

SIZES = ("V3-Small", "V3-Large")
HALF_TOP1 = 0.05
"""Half a unit of the last place that MobileNet V3's table prints of an accuracy, points."""

HALF_MS = {"V3-Small": 0.05, "V3-Large": 0.5}
"""The same of a latency on a Pixel 1, ms."""

_NORMAL = float(stats.norm.ppf((1 + CONFIDENCE) / 2))


def elasticity(latency, top1):
    """Relative change of accuracy over relative change of latency, between neighbours.

    ``ln(top1 ratio) / ln(latency ratio)``: where accuracy is a power of the latency, its
    exponent, and so minus the w that would pay both networks alike.

    Args:
        latency: positive, shape (n,) with n >= 2, ascending.
        top1: positive, of the same shape.

    Returns:
        An array of shape (n - 1,).
    """
    return np.diff(np.log(np.asarray(top1))) / np.diff(np.log(np.asarray(latency)))


def per_doubling(latency, top1) -> Estimate:
    """Relative gain for a doubling of the latency, in per cent, by least squares in logarithms.

    The interval is Student's for the slope, from how far the networks lie off the line: what
    these few networks say of a gain that differs from one of them to the next.

    Args:
        latency: positive, shape (n,) with n >= 3.
        top1: positive, of the same shape.
    """
    fit = stats.linregress(np.log(np.asarray(latency)), np.log(np.asarray(top1)))
    free = len(latency) - 2
    reach, power = (float(stats.t.ppf(p, free)) for p in ((1 + CONFIDENCE) / 2, POWER))
    low, value, high = (_gain(fit.slope + side * reach * fit.stderr) for side in (-1, 0, 1))
    seen = _gain(fit.slope + (reach + power) * fit.stderr) - value
    return Estimate(value, low, high, len(latency), seen)


def v3_elasticities(column: str = "P1_ms_final") -> dict[str, float]:
    """Elasticity of V3-Small and V3-Large between their widths 0.75 and 1.

    Args:
        column: as `tables.v3`.
    """
    table = tables.v3(column)
    pairs = {size: table.loc[[f"{size} 0.75", f"{size} 1.0"]] for size in SIZES}
    return {size: float(elasticity(two.latency, two.top1)[0]) for size, two in pairs.items()}


def middles() -> dict[str, float]:
    """Latency of V3-Small and V3-Large between their two widths, geometric mean, Pixel 1, ms."""
    table = tables.v3().latency
    return {size: float(np.sqrt(table[f"{size} 0.75"] * table[f"{size} 1.0"])) for size in SIZES}


def by_phone() -> pd.DataFrame:
    """`v3_elasticities` for all phones and versions of the paper, with the gains for a doubling."""
    rows = []
    for phone, short in PHONES.items():
        for version, suffix in VERSIONS.items():
            found = v3_elasticities(f"{short}_{suffix}")
            gains = {f"{size}, % a doubling": 100 * (2 ** found[size] - 1) for size in SIZES}
            rows.append({"phone": phone, "version": version, **found, **gains})
    return pd.DataFrame(rows)


def rounding_interval(size: str) -> Estimate:
    """Elasticity on Pixel 1 with the smallest and largest that the printed digits leave open.

    Args:
        size: of `SIZES`.
    """
    two = tables.v3().loc[[f"{size} 0.75", f"{size} 1.0"]]
    apart = np.array([-1, 1])
    low, value, high = (
        elasticity(two.latency - side * HALF_MS[size] * apart, two.top1 + side * HALF_TOP1 * apart)
        for side in (-1, 0, 1)
    )
    return Estimate(float(value[0]), float(low[0]), float(high[0]), 1)


def small_minus_large() -> Estimate:
    """By how much V3-Small's elasticity is above V3-Large's, on Pixel 1, as `rounding_interval`."""
    small, large = map(rounding_interval, SIZES)
    ends = small.low - large.high, small.high - large.low
    return Estimate(small.value - large.value, *ends, 1)


def to_doubling(slope: Estimate) -> Estimate:
    """An elasticity as the relative gain for a doubling of the latency, per cent."""
    return Estimate(*(_gain(x) for x in (slope.value, slope.low, slope.high)), slope.n)


def a1_elasticities() -> pd.DataFrame:
    """Elasticity of MnasNet-A1 between neighbouring widths, a row a step and resolution.

    Returns:
        Columns ``input``, ``latency`` (geometric mean of the two, ms), ``elasticity``.
    """
    rows = []
    for side, family in tables.scaling().groupby("input"):
        ordered = family.sort_values("multiplier")
        middle = np.sqrt(ordered.latency.iloc[1:].to_numpy() * ordered.latency.iloc[:-1])
        steps = elasticity(ordered.latency, ordered.top1)
        rows += [(side, *pair) for pair in zip(middle, steps, strict=True)]
    return pd.DataFrame(rows, columns=["input", "latency", "elasticity"])


def table_front(table: Table) -> pd.DataFrame:
    """The networks of the search table that latency and *validation* accuracy prefer.

    Both accuracies are means over the seeds. Choosing by one and measuring by the other keeps
    the luck of the chosen ones out of what is measured.

    Returns:
        Index ``network``, fastest first; columns ``latency`` (s) and ``top1`` (validation).
    """
    frame = table.networks[["latency"]].assign(top1=table.accuracy("validation"))
    return front(frame)


def gain_on_table(table: Table) -> Estimate:
    """Relative gain of test accuracy for a doubling of the latency on `table_front`, per cent.

    By least squares in logarithms, of mean accuracies over the seeds. The interval is the wider
    of two, for the latencies and the front as they are: `per_doubling`'s, from how far the
    networks lie off the line, and what the noise of the trainings, pooled over all networks of
    the table, does to the slope.

    Raises:
        SearchError: a table of one seed.
    """
    x, top1, noise = _fitted(table)
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    slope = float(weights @ np.log(top1))
    error = float(np.linalg.norm(weights * noise / top1))
    seeds = table.runs.seed.nunique()
    low, value, high = (_gain(slope + side * _NORMAL * error) for side in (-1, 0, 1))
    shift = _NORMAL + float(stats.norm.ppf(POWER))
    noisy = Estimate(value, low, high, seeds, _gain(slope + shift * error) - value)
    fitted = replace(per_doubling(np.exp(x), top1), n=seeds)
    return max(noisy, fitted, key=lambda one: one.high - one.low)


def _fitted(table: Table) -> tuple[np.ndarray, np.ndarray, float]:
    """Logarithm of the latency, mean test accuracy and its noise, for the front."""
    chosen = table_front(table)
    noise = table.noise("test") / np.sqrt(table.runs.seed.nunique())
    top1 = table.accuracy("test").loc[chosen.index].to_numpy()
    return np.log(chosen.latency.to_numpy()), top1, noise


def _gain(slope: float) -> float:
    return float(100 * (2**slope - 1))
