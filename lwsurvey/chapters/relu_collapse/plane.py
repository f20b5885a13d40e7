"""What ReLU keeps of the whole plane, exactly: the theorem, and the arcs of one matrix.

For d = 2 the active rows at x depend on the direction of x only, and they change where x is
at a right angle to a row. So n rows cut the circle of directions into 2n arcs, and everything
about the loss can be read off them without sampling points.
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import numpy as np


def kept_share(n: int, d: int = 2) -> float:
    """Share of a volume in d dimensions that ReLU(Tx) keeps, averaged over random T.

    The probability that at least d of n fair coins show heads. Source: MobileNetV2,
    appendix A, theorem 1, where n is called m and d is called n.

    Raises:
        ValueError: a dimension is not positive.
    """
    return 1 - lost_share(n, d)


def lost_share(n: int, d: int = 2) -> float:
    """Share that is collapsed, ``1 - kept_share``, accurate where it is tiny too."""
    if n < 1 or d < 1:
        raise ValueError(f"dimensions must be positive, not n = {n}, d = {d}")
    return sum(comb(n, k) for k in range(min(d, n + 1))) / 2**n


class Arcs(NamedTuple):
    """The arcs of directions between which the active rows change; all ``(r, 2n)``."""

    middle: np.ndarray
    width: np.ndarray
    active: np.ndarray


def arcs(t: np.ndarray) -> Arcs:
    """Directions in the plane by their active rows, for matrices of shape ``(r, n, 2)``.

    Raises:
        ValueError: the input is not two-dimensional.
    """
    if t.ndim != 3 or t.shape[2] != 2:
        raise ValueError(f"arcs need matrices of shape (r, n, 2), got {t.shape}")
    row = np.arctan2(t[..., 1], t[..., 0])
    edges = np.sort(np.mod(np.concatenate([row - np.pi / 2, row + np.pi / 2], 1), 2 * np.pi), 1)
    following = np.concatenate([edges[:, 1:], edges[:, :1] + 2 * np.pi], 1)
    middle = (edges + following) / 2
    active = (np.cos(middle[:, :, None] - row[:, None, :]) > 0).sum(axis=2)
    return Arcs(middle, following - edges, active)


def plane_kept(t: np.ndarray) -> np.ndarray:
    """Exact share of the plane in which two or more rows of T are active, shape ``(r,)``."""
    cut = arcs(t)
    return (cut.width * (cut.active >= 2)).sum(axis=1) / (2 * np.pi)


def fewest_active(t: np.ndarray) -> np.ndarray:
    """Active rows in the worst direction, shape ``(r,)``; 2 or more: nothing is lost."""
    return arcs(t).active.min(axis=1)


def dead_centre(t: np.ndarray, radius: float = 1.0) -> np.ndarray:
    """Centroid of the sector of a disc in which no row is active, shape ``(r, 2)``.

    NaN where every direction has an active row.
    """
    cut = arcs(t)
    width = np.where(cut.active == 0, cut.width, 0)
    chord = 2 * np.sin(width / 2)
    total = width.sum(axis=1, keepdims=True)
    towards = np.stack([(chord * f(cut.middle)).sum(axis=1) for f in (np.cos, np.sin)], axis=1)
    return 2 / 3 * radius * towards / np.where(total > 0, total, np.nan)
