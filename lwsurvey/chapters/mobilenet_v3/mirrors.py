"""Are filters of a stem mirror images of each other?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lwsurvey.train.device import seeded


def best_match(filters: Tensor, mirrored: bool) -> float:
    """Mean over the filters of the largest |correlation| with another one.

    Args:
        filters: weights, shape ``(M, N, K, K)`` with M >= 2.
        mirrored: compare with the others mirrored, left to right or upside down, whichever is
            nearer; otherwise with the others as they are.

    Raises:
        ValueError: fewer than two filters.
    """
    if len(filters) < 2:
        raise ValueError(
            f"a filter needs another one to be compared with; there are {len(filters)}"
        )
    others = [filters.flip(3), filters.flip(2)] if mirrored else [filters]
    found = torch.stack([_correlations(filters, other) for other in others]).amax(0)
    return float(found.fill_diagonal_(0).amax(1).mean())


def _correlations(a: Tensor, b: Tensor) -> Tensor:
    """|Pearson's correlation| of each filter of a with each of b, shape ``(M, M)``."""
    a, b = (_standard(x.double().flatten(1)) for x in (a, b))
    return (a @ b.T).abs()


def _standard(rows: Tensor) -> Tensor:
    centred = rows - rows.mean(1, keepdim=True)
    return centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-12)


def learned(make: Callable[[], nn.Module], net: nn.Module, seed: int) -> dict[str, float]:
    """What training does to the `best_match` of the stem's filters.

    Args:
        make: makes the network, as it was made for the training.
        net: trained, on the CPU.
        seed: of the training.

    Returns:
        ``mirrored``, trained minus untrained; as a control, ``alike``, the same with others
        that are not mirrored; and ``chance``, the mirrored match of the untrained filters.
    """
    with seeded(seed, torch.device("cpu")):
        untrained = make()
    after, before = (n.stem[0].weight.detach().contiguous() for n in (net, untrained))
    chance, by_place = best_match(before, True), best_match(before, False)
    return {
        "mirrored": best_match(after, True) - chance,
        "alike": best_match(after, False) - by_place,
        "chance": chance,
    }
