"""Three ways back from y = ReLU(Tx) to x, from the figure's to the best one, and what bars them.

No decoder can tell points apart that share an activation, and none that is linear can use that
the image of the plane is not convex: `curve_collapsed` and `chords_outside` measure both.
"""

from __future__ import annotations

import numpy as np

from lwsurvey.chapters.relu_collapse.embedding import activate, dead_centre, embed


def pseudo_inverse(t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """T⁺y, as in MobileNetV2's figure 1: ``(r, n, d)``, ``(r, p, n)`` -> ``(r, p, d)``."""
    return np.einsum("rdn,rpn->rpd", np.linalg.pinv(t), _fitting(t, y))


def best_affine(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The affine map of y that fits x best in least squares, one fit for each matrix.

    What a linear layer with a bias could learn if it saw all of x.

    Args:
        y: activations, shape ``(r, p, n)``.
        x: points, shape ``(p, d)``, more than n of them.

    Returns:
        reconstructions, shape ``(r, p, d)``.
    """
    r, p, n = y.shape
    if x.shape[0] != p or p <= n:
        raise ValueError(f"need as many points as activations and more than n = {n}, got {x.shape}")
    features = np.concatenate([y, np.ones((r, p, 1))], axis=2)
    return features @ (np.linalg.pinv(features) @ x)


def best_in_disc(t: np.ndarray, y: np.ndarray, radius: float = 1.0) -> np.ndarray:
    """The best decoder that knows T and that x lies in a disc; for d = 2.

    All x with the same y form a *fibre*: no decoder can tell them apart. This one returns the
    centre of mass of the fibre, which has the smallest mean squared error if x is uniform in
    the disc. With two or more active rows the fibre is a point and the answer is exact; with
    one it is a segment; with none a sector.

    Args:
        t: matrices, shape ``(r, n, 2)``.
        y: activations ReLU(Tx), shape ``(r, p, n)``.
        radius: of the disc that x lies in.

    Returns:
        reconstructions, shape ``(r, p, 2)``.
    """
    active = _fitting(t, y) > 0
    count = active.sum(axis=2)
    gram = np.einsum("rpn,rni,rnj->rpij", active, t, t)
    moment = np.einsum("rpn,rni->rpi", y, t)
    exact = count >= 2
    gram[~exact] = np.eye(2)
    x = np.linalg.solve(gram, moment[..., None])[..., 0]
    x[count == 0] = np.broadcast_to(dead_centre(t, radius)[:, None], x.shape)[count == 0]
    for matrix, point in np.argwhere(count == 1):
        x[matrix, point] = _segment_middle(t[matrix], y[matrix, point], radius)
    return x


def _segment_middle(t: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """Middle of the fibre of one y with a single active row."""
    on = int(np.flatnonzero(y > 0)[0])
    nearest = y[on] * t[on] / (t[on] @ t[on])
    along = np.array([-t[on, 1], t[on, 0]]) / np.hypot(*t[on])
    half = np.sqrt(max(radius**2 - nearest @ nearest, 0))
    off = np.delete(t, on, axis=0)
    slope, bound = off @ along, -(off @ nearest)
    high = np.min(bound[slope > 0] / slope[slope > 0], initial=half)
    low = np.max(bound[slope < 0] / slope[slope < 0], initial=-half)
    return nearest + (low + high) / 2 * along


def relative_error(guess: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Mean squared error over the points' mean squared length, by matrix.

    Args:
        guess: reconstructions, shape ``(r, p, d)``.
        x: points, shape ``(p, d)``.

    Returns:
        shape ``(r,)``; 1 for guessing the origin, 1/4 for guessing x/2.
    """
    return ((guess - x) ** 2).sum(axis=2).mean(axis=1) / (x**2).sum(axis=1).mean()


def _fitting(t: np.ndarray, y: np.ndarray) -> np.ndarray:
    if t.ndim != 3 or y.ndim != 3 or t.shape[:2] != (y.shape[0], y.shape[2]):
        raise ValueError(f"need T of (r, n, d) and y of (r, p, n), got {t.shape} and {y.shape}")
    return y


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
