"""Channels as dots and weights as edges: who hears of whom through grouped layers.

A layer is a Boolean matrix of shape (outputs, inputs); layers that follow each other are
multiplied, and what is not zero in the product is connected.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from lwsurvey.chapters.shufflenet_v1.permutation import shuffle_order


def grouped(N: int, M: int, groups: int) -> sparse.csr_array:
    """Edges of a 1 x 1 convolution in groups, shape ``(M, N)``.

    Raises:
        ValueError: ``groups`` does not divide both widths.
    """
    if groups < 1 or N % groups or M % groups:
        raise ValueError(f"{groups} groups do not divide {N} and {M} channels")
    block = np.ones((M // groups, N // groups), dtype=bool)
    return sparse.csr_array(sparse.block_diag([block] * groups))


def permuted(order: Sequence[int]) -> sparse.csr_array:
    """Edges of a permutation of channels, shape ``(channels, channels)``."""
    n = len(order)
    return sparse.csr_array((np.ones(n, dtype=bool), (np.arange(n), np.asarray(order))), (n, n))


def stacked(
    channels: int, groups: int, layers: int, order: Sequence[int] | None = None
) -> sparse.csr_array:
    """Edges from the inputs of the first of several equal grouped layers to the last's outputs.

    Args:
        channels: of each layer, in and out.
        groups: of each layer.
        layers: how many, one or more.
        order: the permutation between each two layers; none leaves the channels in place.

    Raises:
        ValueError: no layer, or groups that do not divide.
    """
    if layers < 1:
        raise ValueError(f"need one layer or more, not {layers}")
    layer = grouped(channels, channels, groups)
    step = layer if order is None else layer @ permuted(order)
    edges = layer
    for _ in range(layers - 1):
        edges = step @ edges
    return edges


def smallest_share(edges: sparse.csr_array) -> float:
    """The smallest share of the inputs that an output hears of."""
    return float((edges != 0).sum(axis=1).min() / edges.shape[1])


def shares(channels: int, groups: int, layers: int, shuffle: bool = True) -> list[float]:
    """`smallest_share` after 1, 2, ... grouped layers with a shuffle, or nothing, between them."""
    order = shuffle_order(channels, groups) if shuffle else None
    return [smallest_share(stacked(channels, groups, n, order)) for n in range(1, layers + 1)]


def predicted(channels: int, groups: int, layers: int) -> float:
    """The share in closed form.

    A group of the next layer takes ``channels / groups`` places of the shuffled order, one
    after the other, and these come from the piles in turn. So it hears of as many neighbouring
    piles, or of all; and neighbours of neighbours are neighbours.
    """
    return min(1.0, (channels / groups) ** (layers - 1) / groups)


def hears(channels: int, groups: int) -> np.ndarray:
    """Which output group hears of which input group after two layers: a rule of one line.

    Returns:
        Booleans of shape ``(groups, groups)``, output groups in rows.
    """
    size = channels // groups
    out, source = np.ogrid[:groups, :groups]
    return (source - out * size) % groups < size


def foretold(channels: int, groups: int) -> tuple[int, int]:
    """How many of the pairs of channels `hears` has right after two layers, and how many pairs."""
    size = channels // groups
    expected = np.kron(hears(channels, groups), np.ones((size, size), dtype=bool))
    edges = stacked(channels, groups, 2, shuffle_order(channels, groups)).toarray() != 0
    return int((expected == edges).sum()), edges.size


def layers_needed(
    channels: int, groups: int, order: Sequence[int] | None = None, most: int = 64
) -> int | None:
    """How many grouped layers it takes until every output hears of every input.

    Args:
        channels: of each layer.
        groups: of each layer.
        order: the permutation between them; the channel shuffle if not given.
        most: where to give up.

    Returns:
        the number of layers, or None if it is more than ``most`` or never.
    """
    order = shuffle_order(channels, groups) if order is None else order
    layer = grouped(channels, channels, groups)
    step, edges = layer @ permuted(order), layer
    for n in range(1, most + 1):
        if smallest_share(edges) == 1:
            return n
        edges = (step @ edges) != 0
    return None


def needed_table(channels: Sequence[int], groups: Sequence[int]) -> pd.DataFrame:
    """`layers_needed`, a row for each number of channels and a column for each of groups.

    Empty where the groups do not divide the channels.
    """
    cells = {
        f"g = {g}": ["" if c % g else layers_needed(c, g) or "never" for c in channels]
        for g in groups
    }
    return pd.DataFrame(cells, index=pd.Index(channels, name="channels"), dtype=object)
