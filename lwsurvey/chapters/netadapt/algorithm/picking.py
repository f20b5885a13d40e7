"""PickHighestAccuracy of algorithm 1, and what MobileNet V3 does in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lwsurvey.search import SearchError

Guide = Callable[[Sequence[float], Sequence[float], float, float], int]
"""Picks a proposal from accuracies and resources of all, accuracy and resource of their parent."""


def pick_accuracy(
    accuracies: Sequence[float], resources: Sequence[float], accuracy: float, resource: float
) -> int:
    """The proposal of highest accuracy; of equal ones that of the lowest resource.

    Args:
        accuracies: of the proposals, on held-out images.
        resources: of the proposals.
        accuracy: of the network that they come from.
        resource: of that network.

    Returns:
        A place in ``accuracies``.
    """
    return int(np.lexsort((resources, -np.asarray(accuracies)))[0])


def pick_slope(
    accuracies: Sequence[float], resources: Sequence[float], accuracy: float, resource: float
) -> int:
    """The proposal of the largest change of accuracy for each unit of the resource saved.

    Howard et al. 2019, section 5.2: the largest ``dAcc / |dLatency|``. Where accuracy falls, a
    larger saving raises the ratio; where it rises, a larger saving lowers it. Of equal ratios,
    the largest saving.

    Args:
        accuracies: as `pick_accuracy`, and so the others.

    Raises:
        SearchError: a proposal that saves nothing has no slope.
    """
    saved = resource - np.asarray(resources, dtype=float)
    if not (saved > 0).all():
        raise SearchError("each proposal must cost less than the network that it comes from")
    slopes = (np.asarray(accuracies, dtype=float) - accuracy) / saved
    return int(np.lexsort((-saved, -slopes))[0])


GUIDES: dict[str, Guide] = {"accuracy": pick_accuracy, "slope": pick_slope}
"""The two published rules."""
