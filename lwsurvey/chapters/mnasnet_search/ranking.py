"""MACs in the place of time: pairs that they rank the other way, and what that costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binom, kendalltau

from lwsurvey.search.replay import Array, Draws
from lwsurvey.stats import CONFIDENCE, Estimate

Z = 1.96
DRAWS = 50


def intervals(networks: pd.DataFrame, between: float) -> tuple[Array, Array]:
    """Logarithms of the latencies, and half of their 95 % intervals, shape ``(n,)`` each.

    Args:
        networks: the table's.
        between: standard deviation of the logarithm of one network's time from one comparison
            to another, which the intervals within a comparison do not know of.
    """
    within = np.log(networks.high / networks.low).to_numpy() / 2
    return np.log(networks.latency.to_numpy()), np.hypot(within, Z * between)


def pairs(macs: Array, log_time: Array, half: Array) -> dict[str, float]:
    """What MACs say of the pairs of networks whose intervals of time do not overlap.

    Args:
        macs: shape ``(n,)``.
        log_time: shape ``(n,)``.
        half: half of the interval of each, on the same scale.

    Returns:
        ``pairs`` (all), ``apart`` (%, of all), ``wrong`` and ``tied`` (%, of those apart): the
        network with more MACs is faster; both have the same MACs.
    """
    slower = (log_time - half)[:, None] > (log_time + half)[None, :]
    more = np.sign(macs[:, None] - macs[None, :])
    n, apart = len(macs), slower.sum()
    return {
        "pairs": n * (n - 1) // 2,
        "apart": 200 * apart / (n * (n - 1)),
        "wrong": 100 * (slower & (more < 0)).sum() / apart,
        "tied": 100 * (slower & (more == 0)).sum() / apart,
    }


def tau(macs: Array, log_time: Array, half: Array, seed: int = 0) -> tuple[float, float]:
    """Kendall's rank correlation of MACs and time, over all networks of the space.

    Returns:
        It, and its mean if each time had another error of the size of its own: errors of
        measurement make it smaller, and this says about how much smaller.
    """
    errors = np.random.default_rng(seed).normal(size=(DRAWS, len(macs))) * half / Z
    again = [kendalltau(macs, log_time + error).statistic for error in errors]
    return float(kendalltau(macs, log_time).statistic), float(np.mean(again))


def median_error(predicted: Array, latency: Array) -> Estimate:
    """Median relative error of predicted times, in per cent of the measured ones.

    The interval is that of the median's order statistics (binomial), the networks taken as a
    sample of others like them.

    Args:
        predicted: seconds, shape ``(n,)``.
        latency: seconds, of the same shape.
    """
    errors = np.sort(100 * np.abs(predicted / latency - 1))
    n, value = len(errors), float(np.median(errors))
    first = int(binom.ppf((1 - CONFIDENCE) / 2, n, 0.5))
    low, high = float(errors[max(first - 1, 0)]), float(errors[min(n - first, n - 1)])
    return Estimate(value, low, high, n, (high - low) / 2 * 1.43)


def enclosing_interval(value: float, draws: Array) -> Estimate:
    """An estimate with the middle 95 % of draws as interval, widened to contain the value."""
    low, high = np.quantile(draws, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    low, high = min(float(low), value), max(float(high), value)
    return Estimate(value, low, high, len(draws), (high - low) / 2 * 1.43)


def best(draws: Draws, allowed: np.ndarray) -> np.ndarray:
    """The most accurate allowed network by what can be seen, shape ``(repeats,)``.

    Args:
        draws: of the table.
        allowed: shape ``(n,)``, or ``(repeats, n)``.
    """
    return np.where(allowed, draws.seen.mean(axis=2), -1.0).argmax(axis=1)


def held_back(draws: Draws, networks: np.ndarray) -> Array:
    """Accuracies of the runs held back, in per cent, shape ``(repeats,)``."""
    return 100 * draws.held[np.arange(draws.repeats), networks]


def predict(draws: Draws) -> Array:
    """Time by MACs, in seconds: the power law through all networks, a line in logarithms."""
    work = np.log(draws.macs)
    return np.exp(np.polyval(np.polyfit(work, np.log(draws.latency), 1), work))


def choose_by_macs(draws: Draws, budgets: Array) -> pd.DataFrame:
    """Choosing with MACs in the place of time, for each budget and repeat.

    Somebody who can count but not measure takes the most accurate network whose time by MACs
    is within the budget. Somebody who measures may spend the same real time.

    Returns:
        Columns ``budget`` (seconds), ``repeat``, ``exceeded`` (real time over the budget, %)
        and ``lost`` (held-back accuracy that measuring has more, points).
    """
    expected, rows = predict(draws), []
    for budget in budgets:
        counted = best(draws, expected <= budget)
        spent = draws.latency[counted]
        measured = best(draws, draws.latency[None] <= spent[:, None])
        lost = held_back(draws, measured) - held_back(draws, counted)
        rows.append(_rows(budget, exceeded=100 * (spent / budget - 1), lost=lost))
    return pd.concat(rows, ignore_index=True)


def compare_spaces(draws: Draws, budgets: Array, cells: np.ndarray) -> pd.DataFrame:
    """The best network of the whole space against the best of the cell space.

    Args:
        draws: of the table.
        budgets: seconds.
        cells: which networks repeat one block, shape ``(n,)``.

    Returns:
        Columns ``budget``, ``repeat``, ``whole`` and ``cell`` (held-back accuracies, %),
        ``gained`` (points) and ``differ`` (1 if the blocks of the best network differ).
    """
    rows = []
    for budget in budgets:
        whole, cell = (best(draws, (draws.latency <= budget) & s) for s in (True, cells))
        accuracy = {"whole": held_back(draws, whole), "cell": held_back(draws, cell)}
        gained = accuracy["whole"] - accuracy["cell"]
        rows.append(_rows(budget, **accuracy, gained=gained, differ=(~cells[whole]).astype(float)))
    return pd.concat(rows, ignore_index=True)


def _rows(budget: float, **columns: Array) -> pd.DataFrame:
    repeats = np.arange(len(next(iter(columns.values()))))
    return pd.DataFrame({"budget": budget, "repeat": repeats, **columns})


def over_budgets(frame: pd.DataFrame, column: str) -> Estimate:
    """Mean over budgets and repeats; the interval is where the middle 95 % of repeats lie.

    A repeat holds back other runs. Its spread is that of one choice and one test, which is
    more than the error of the mean, so that the interval is rather too wide.
    """
    each = frame.groupby("repeat")[column].mean().to_numpy()
    return enclosing_interval(float(each.mean()), each)
