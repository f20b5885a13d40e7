"""The toy of MobileNetV2's figure 1: a curve in the plane, a random embedding, a nonlinearity.

Shapes: ``r`` matrices, ``p`` points, ``n`` embedding dimensions, ``d`` input dimensions.
"""

from __future__ import annotations

import numpy as np

ACTIVATIONS = ("linear", "relu", "relu6")
CEILING = 6.0


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


def embeddings(repeats: int, n: int, d: int = 2, *, seed: int) -> np.ndarray:
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
    if kind == "linear":
        return z
    return np.clip(z, 0, CEILING if _checked(kind) == "relu6" else None)


def passing(z: np.ndarray, kind: str = "relu") -> np.ndarray:
    """Where the nonlinearity hands its input on unchanged (its derivative is 1), Boolean."""
    if kind == "linear":
        return np.ones(z.shape, bool)
    return (z > 0) & (z < (CEILING if _checked(kind) == "relu6" else np.inf))


def local_rank(t: np.ndarray, x: np.ndarray, kind: str = "relu") -> np.ndarray:
    """Rank of the Jacobian of x -> f(Tx) at every point, shape ``(r, p)``.

    It is the rank of the rows of T that pass. For rows in general position (any d of them
    independent), which random T have with probability 1, that is min(d, rows that pass).
    """
    return np.minimum(passing(embed(t, x), kind).sum(axis=2), t.shape[2])


def _checked(kind: str) -> str:
    if kind not in ACTIVATIONS:
        raise ValueError(f"unknown activation {kind!r}; known are {', '.join(ACTIVATIONS)}")
    return kind
