"""The toy of MobileNetV2's figure 1: a curve in the plane, a random embedding, a nonlinearity.

Shapes: ``r`` matrices, ``p`` points, ``n`` embedding dimensions, ``d`` input dimensions.

What ReLU keeps of the whole plane is known exactly. For d = 2 the active rows at x depend on
the direction of x only, and they change where x is at a right angle to a row. So n rows cut the
circle of directions into 2n arcs, and everything about the loss can be read off them without
sampling points.
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import numpy as np

ACTIVATIONS = {"linear": (-np.inf, np.inf), "relu": (0, np.inf), "relu6": (0, 6)}
"""Between which values each nonlinearity hands its input on."""


def spiral(points: int = 400, turns: float = 2.5) -> np.ndarray:
    """An Archimedean spiral that winds outwards to radius 1, shape ``(p, 2)``.

    It starts a little beside the origin: the origin is active in no row of any embedding,
    so it would be a special point.

    Raises:
        ValueError: fewer than two points, or no turn.
    """
    if points < 2 or turns <= 0:
        raise ValueError(f"a spiral needs 2 points and a turn, not {points} and {turns}")
    radius = np.linspace(0.05, 1, points)
    angle = 2 * np.pi * turns * radius
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def disc(points: int, seed: int) -> np.ndarray:
    """Points drawn uniformly from the unit disc, shape ``(p, 2)``."""
    random = np.random.default_rng(seed)
    radius, angle = np.sqrt(random.random(points)), 2 * np.pi * random.random(points)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def random_matrices(repeats: int, n: int, d: int = 2, *, seed: int) -> np.ndarray:
    """Random matrices T with independent standard normal entries, shape ``(r, n, d)``.

    The first k rows of each are an embedding into k dimensions, so that different k can be
    compared matrix by matrix.

    Raises:
        ValueError: a size is not positive.
    """
    if min(repeats, n, d) < 1:
        raise ValueError(f"repeats, n and d must be positive, not {repeats}, {n}, {d}")
    return np.random.default_rng(seed).standard_normal((repeats, n, d))


def embed(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Tx for every matrix and point: ``(r, n, d)`` and ``(p, d)`` give ``(r, p, n)``.

    Raises:
        ValueError: the shapes do not fit.
    """
    if t.ndim != 3 or x.ndim != 2 or t.shape[2] != x.shape[1]:
        raise ValueError(f"need T of (r, n, d) and points of (p, d), got {t.shape} and {x.shape}")
    return np.einsum("rnd,pd->rpn", t, x)


def activate(z: np.ndarray, kind: str = "relu") -> np.ndarray:
    """The nonlinearity, element by element; ``kind`` is one of `ACTIVATIONS`."""
    low, high = _passband(kind)
    return np.clip(z, low, high)


def passing(z: np.ndarray, kind: str = "relu") -> np.ndarray:
    """Where the nonlinearity hands its input on unchanged (its derivative is 1), Boolean."""
    low, high = _passband(kind)
    return (z > low) & (z < high)


def local_rank(t: np.ndarray, x: np.ndarray, kind: str = "relu") -> np.ndarray:
    """Rank of the Jacobian of x -> f(Tx) at every point, shape ``(r, p)``.

    It is the rank of the rows of T that pass. For rows in general position (any d of them
    independent), which random T have with probability 1, that is min(d, rows that pass).
    """
    return np.minimum(passing(embed(t, x), kind).sum(axis=2), t.shape[2])


def _passband(kind: str) -> tuple[float, float]:
    if kind not in ACTIVATIONS:
        raise ValueError(f"unknown activation {kind!r}; known are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[kind]


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
