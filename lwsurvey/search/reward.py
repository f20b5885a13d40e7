"""The reward of a latency-aware search (Tan et al. 2019, equations 2 and 3).

``ACC * (LAT / T) ** w`` with ``w = alpha`` up to the target ``T`` and ``w = beta`` beyond it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lwsurvey.search import SearchError

SOFT = (-0.07, -0.07)
"""``alpha`` and ``beta`` of the paper's search: latency counts on both sides of the target."""

HARD = (0.0, -1.0)
"""``alpha`` and ``beta`` of the paper's hard constraint: free up to the target, dear beyond."""


def reward(accuracy: Any, latency: Any, target: Any, alpha: Any = -0.07, beta: Any = -0.07) -> Any:
    """What the controller of MnasNet is paid for a network.

    Args:
        accuracy: of the network, as a share or in per cent; the reward has its unit. Here and
            below numbers, arrays or Series, broadcast against each other.
        latency: in the unit of ``target``.
        target: the latency T that is wanted.
        alpha: exponent for networks with ``latency <= target``; no more than 0.
        beta: exponent for slower networks; no more than 0.

    Returns:
        A number, array or Series, as the arguments give it.

    Raises:
        SearchError: a latency or target that is not positive and finite, an accuracy that is
            negative or not finite, an exponent that is positive or not finite.
    """
    _all(latency, "latency", lambda x: x > 0, "positive")
    _all(target, "target", lambda x: x > 0, "positive")
    _all(accuracy, "accuracy", lambda x: x >= 0, "0 or more")
    for name, exponent in (("alpha", alpha), ("beta", beta)):
        _all(exponent, name, lambda x: x <= 0, "0 or less: slower networks earn no more")
    relative = latency / target
    return accuracy * relative ** np.where(relative <= 1, alpha, beta)[()]


def exponent(gain: float) -> float:
    """The w that pays alike a network and another, twice as slow, with ``gain`` more accuracy.

    Args:
        gain: relative, such as 0.05; above -1.

    Raises:
        SearchError: a gain of -1 or less.
    """
    _all(gain, "gain", lambda x: x > -1, "above -1")
    return -np.log2(1 + gain)


def gain(exponent: float) -> float:
    """The relative gain of accuracy that an exponent asks for a doubling of the latency."""
    return 2.0**-exponent - 1


def _all(values: Any, name: str, good: Any, wanted: str) -> None:
    array = np.asarray(values, dtype=float)
    bad = array[~(np.isfinite(array) & good(array))]
    if bad.size:
        raise SearchError(f"{name} must be finite and {wanted}, not {bad.flat[0]:g}")
