"""What happens to a curve, and whether the image stays convex."""

from __future__ import annotations

import numpy as np

from lwsurvey.chapters.relu_collapse.maps import activate, embed


def curve_collapsed(t: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Share of a curve's points whose activation another point of the curve has too.

    No decoder can tell such points apart, not even one that knows the curve.

    Args:
        t: matrices, shape ``(r, n, 2)``.
        curve: consecutive points, shape ``(p, 2)``; straight between them.

    Returns:
        shares, shape ``(r,)``.
    """
    y = activate(embed(t, curve))
    return np.array([_shared(one).mean() for one in y])


def _shared(y: np.ndarray) -> np.ndarray:
    """Which of the consecutive activations ``(p, n)`` come again elsewhere on the curve."""
    active = y > 0
    count = active.sum(axis=1)
    shared = (count == 0) & ((count == 0).sum() > 1)
    for row in np.unique(active[count == 1].argmax(axis=1)):
        alone = (count == 1) & active[:, row]
        # Two neighbours in the same region: the curve takes all values between theirs.
        low, high = np.minimum(y[:-1, row], y[1:, row]), np.maximum(y[:-1, row], y[1:, row])
        inside = alone[:-1] & alone[1:]
        value = y[alone, row][:, None]
        shared[alone] = ((low < value) & (value < high) & inside).any(axis=1)
    return shared


def chords_outside(t: np.ndarray, pairs: int, *, seed: int) -> np.ndarray:
    """How far from convex the image {ReLU(Tx)} of the plane is.

    Two random points x and y are mapped; is the middle of ReLU(Tx) and ReLU(Ty) again an
    image? In a convex set it always is.

    Returns:
        share of ``pairs`` whose middle is no image, shape ``(r,)``.
    """
    ends = np.random.default_rng(seed).standard_normal((2, pairs, 2))
    middle = sum(activate(embed(t, end)) for end in ends) / 2
    active = middle > 0
    exact = active.sum(axis=2) >= 2
    gram = np.einsum("rpn,rni,rnj->rpij", active, t, t)
    gram[~exact] = np.eye(2)
    source = np.linalg.solve(gram, np.einsum("rpn,rni->rpi", middle, t)[..., None])[..., 0]
    back = activate(np.einsum("rni,rpi->rpn", t, source))
    scale = np.abs(middle).max(axis=2)
    # With fewer than two active rows the middle always has a source (half of one end).
    return (exact & (np.abs(back - middle).max(axis=2) > 1e-9 * scale)).mean(axis=1)
