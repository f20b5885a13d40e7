"""Pareto fronts and the area that they dominate, for a cost to lower and a gain to raise."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lwsurvey.search import SearchError


def front(cost: ArrayLike, gain: ArrayLike) -> NDArray[np.bool_]:
    """Which points no other point dominates.

    A point dominates another if it costs no more and gains no less, and is better in one of
    the two. Equal points do not dominate each other.

    Args:
        cost: such as latencies, shape ``(n,)``; lower is better.
        gain: such as accuracies, shape ``(n,)``; higher is better.

    Raises:
        SearchError: not two sequences of the same length of finite numbers.
    """
    x, y = _points(cost, gain)
    order = np.lexsort((-y, x))
    best = np.maximum.accumulate(np.concatenate([[-np.inf], y[order]]))[:-1]
    found = np.empty(len(x), dtype=bool)
    found[order] = y[order] > best
    kept = np.stack([x, y])[:, found]
    # An equal point sorts behind its twin and was not above it.
    twins = (x[:, None] == kept[0]) & (y[:, None] == kept[1])
    return twins.any(axis=1)


def hypervolume(cost: ArrayLike, gain: ArrayLike, reference: tuple[float, float]) -> float:
    """Area between the front and a reference point, in units of cost times gain.

    Args:
        cost: lower is better, shape ``(n,)``.
        gain: higher is better, shape ``(n,)``.
        reference: the worst cost and the worst gain that count; points beyond add nothing.

    Raises:
        SearchError: as `front`.
    """
    x, y = _points(cost, gain)
    worst, least = reference
    inside = (x < worst) & (y > least)
    if not inside.any():
        return 0.0
    x, y = x[inside], y[inside]
    order = np.argsort(x, kind="stable")
    # At each cost counts the best gain that is to be had for it.
    height = np.maximum.accumulate(y[order]) - least
    return float(height @ np.diff(np.append(x[order], worst)))


def _points(cost: ArrayLike, gain: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(cost, dtype=float), np.asarray(gain, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise SearchError(f"need as many costs as gains in one dimension, not {x.shape}, {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise SearchError("costs and gains must be finite")
    return x, y
