"""Where channels go: the shuffle as a permutation, and who hears of whom through grouped layers.

A permutation is written as the list of its sources: place ``p`` of the output holds channel
``order[p]`` of the input. A layer is a Boolean matrix of shape (outputs, inputs); layers that
follow each other are multiplied, and what is not zero in the product is connected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lwsurvey.models.blocks import channel_shuffle
from lwsurvey.models.shufflenet_v1 import STAGE_2

Edges = NDArray[np.bool_]

REST = ((1, 3), (2, 8), (4, 4))
"""What follows the unit that opens stage 2: the width relative to stage 2, and the units."""


def subgroup_order(channels: int, groups: int) -> list[int]:
    """The order after a literal dealing of subgroups, as the surveys describe it in words.

    Each group is cut into as many subgroups as there are groups, and its k-th subgroup goes to
    the k-th group of the next layer.

    Args:
        channels: number of channels.
        groups: number of groups; its square must divide ``channels``, or else there are no
            subgroups of equal size.

    Raises:
        ValueError: ``groups`` is not positive or its square does not divide ``channels``.
    """
    if groups < 1 or channels % groups**2:
        raise ValueError(f"{groups} x {groups} equal subgroups do not exist in {channels} channels")
    size, piece = channels // groups, channels // groups**2
    starts = [group * size + k * piece for k in range(groups) for group in range(groups)]
    return [start + i for start in starts for i in range(piece)]


def card_order(channels: int, groups: int) -> list[int]:
    """The order after dealing single channels from each group in turn, for any sizes.

    Raises:
        ValueError: ``groups`` is not positive or does not divide ``channels``.
    """
    if groups < 1 or channels % groups:
        raise ValueError(f"{groups} groups do not divide {channels} channels")
    size = channels // groups
    piles = [list(range(g * size, (g + 1) * size)) for g in range(groups)]
    return [pile.pop(0) for _ in range(size) for pile in piles]


def order_of(shuffle: Callable[[Tensor], Tensor], channels: int) -> list[int]:
    """The order that a function of maps gives the channels.

    Args:
        shuffle: maps ``(1, channels, H, W)`` to the same shape.
        channels: number of channels.
    """
    numbered = torch.arange(channels).reshape(1, channels, 1, 1)
    return shuffle(numbered).flatten().tolist()


def shuffle_order(channels: int, groups: int) -> list[int]:
    """The order of the package's `channel_shuffle`."""
    return order_of(lambda x: channel_shuffle(x, groups), channels)


def count_misplaced(order: list[int], other: list[int], groups: int) -> int:
    """How many channels get into another group of the next layer in one order than in the other."""
    size = len(order) // groups
    starts = range(0, len(order), size)
    return sum(len(set(order[i : i + size]) - set(other[i : i + size])) for i in starts)


def is_permutation(order: list[int]) -> bool:
    """Every channel once?"""
    return sorted(order) == list(range(len(order)))


class Permutation(nn.Module):
    """Gathers the channels of ``(batch, channels, H, W)`` in a fixed order, no parameters.

    Args:
        order: sources, a permutation of ``0 ... channels - 1``.

    Raises:
        ValueError: not a permutation.
    """

    order: Tensor

    def __init__(self, order: list[int]) -> None:
        if not is_permutation(order):
            raise ValueError("the order must name every channel once")
        super().__init__()
        self.register_buffer("order", torch.tensor(order), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(1, self.order)


def grouped_edges(N: int, M: int, groups: int) -> Edges:
    """Edges of a 1 x 1 convolution in groups, shape ``(M, N)``.

    Raises:
        ValueError: ``groups`` does not divide both widths.
    """
    if groups < 1 or N % groups or M % groups:
        raise ValueError(f"{groups} groups do not divide {N} and {M} channels")
    block = np.ones((M // groups, N // groups), dtype=bool)
    return np.kron(np.eye(groups, dtype=bool), block)


def permutation_edges(order: Sequence[int]) -> Edges:
    """Edges of a permutation of channels, shape ``(channels, channels)``."""
    return np.eye(len(order), dtype=bool)[list(order)]


def follow(second: Edges, first: Edges) -> Edges:
    """Edges from the inputs of the first layer to the outputs of the second."""
    # Products of floating-point matrices are far quicker than those of Booleans.
    return second.astype(np.float32) @ first.astype(np.float32) > 0


def stack_edges(
    channels: int, groups: int, layers: int, order: Sequence[int] | None = None
) -> Edges:
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
    edges = layer = grouped_edges(channels, channels, groups)
    for _ in range(layers - 1):
        edges = follow(layer, edges if order is None else edges[list(order)])
    return edges


def shares(channels: int, groups: int, layers: int, shuffle: bool = True) -> list[float]:
    """The smallest share of the inputs that an output hears of after 1, 2, ... grouped layers.

    Args:
        channels: of each layer.
        groups: of each layer.
        layers: how many at most.
        shuffle: between each two layers; otherwise nothing is.
    """
    order = shuffle_order(channels, groups) if shuffle else None
    stacks = (stack_edges(channels, groups, n, order) for n in range(1, layers + 1))
    return [float(edges.mean(axis=1).min()) for edges in stacks]


def predicted_share(channels: int, groups: int, layers: int) -> float:
    """The share in closed form.

    A group of the next layer takes ``channels / groups`` places of the shuffled order, one
    after the other, and these come from the piles in turn. So it hears of as many neighbouring
    piles, or of all; and neighbours of neighbours are neighbours.
    """
    return min(1.0, (channels / groups) ** (layers - 1) / groups)


def predicted_links(channels: int, groups: int) -> Edges:
    """Which output group hears of which input group after two layers: a rule of one line.

    Returns:
        Booleans of shape ``(groups, groups)``, output groups in rows.
    """
    size = channels // groups
    out, source = np.ogrid[:groups, :groups]
    return (source - out * size) % groups < size


def count_predicted(channels: int, groups: int) -> tuple[int, int]:
    """How many of the pairs of channels `predicted_links` has right, and how many there are."""
    size = channels // groups
    expected = np.kron(predicted_links(channels, groups), np.ones((size, size), dtype=bool))
    edges = stack_edges(channels, groups, 2, shuffle_order(channels, groups))
    return int((expected == edges).sum()), edges.size


def least_layers(channels: int, groups: int) -> int | None:
    """How many grouped layers with shuffles it takes until every output hears of every input.

    Returns:
        the number of layers, or None if it never happens.
    """
    order = shuffle_order(channels, groups)
    edges = layer = grouped_edges(channels, channels, groups)
    # With each layer the share grows, or it never does: see `predicted_share`.
    for n in range(1, channels + 1):
        if edges.all():
            return n
        edges = follow(layer, edges[order])
    return None


def least_layers_table(channels: Sequence[int], groups: Sequence[int]) -> pd.DataFrame:
    """`least_layers`, a row for each number of channels and a column for each of groups.

    Empty where the groups do not divide the channels.
    """
    cells = {
        f"g = {g}": ["" if c % g else least_layers(c, g) or "never" for c in channels]
        for g in groups
    }
    return pd.DataFrame(cells, index=pd.Index(channels, name="channels"), dtype=object)


def unit_edges(N: int, M: int, groups: int, stride: int, shuffle: bool) -> Edges:
    """Edges of a unit of ShuffleNet V1 between channels, Booleans of shape ``(M, N)``."""
    B, out = M // 4, M - N if stride == 2 else M
    first = grouped_edges(N, B, groups)
    first = first[shuffle_order(B, groups)] if shuffle else first
    branch, kept = follow(grouped_edges(B, out, groups), first), np.eye(N, dtype=bool)
    return np.vstack([kept, branch]) if stride == 2 else kept | branch


def stage_shares(groups: int, shuffle: bool) -> list[float]:
    """Mean share of the channels behind the opening unit that a channel hears of.

    That unit's first convolution has one group, so everything is mixed before it.

    Args:
        groups: 1, 2, 3, 4 or 8.
        shuffle: with or without.

    Returns:
        the share at the ends of stages 2, 3 and 4 of ShuffleNet V1 at scale 1.
    """
    N = start = STAGE_2[groups]
    heard, found = np.eye(N, dtype=bool), []
    for width, units in REST:
        M = start * width
        if M > N:
            heard = follow(unit_edges(N, M, groups, 2, shuffle), heard)
        same = unit_edges(M, M, groups, 1, shuffle)
        for _ in range(units - (M > N)):
            heard = follow(same, heard)
        N = M
        found.append(float(heard.mean()))
    return found


def stage_table() -> pd.DataFrame:
    """`stage_shares` without and with the shuffle, in per cent, a row for each number of groups."""
    rows = []
    for g in STAGE_2:
        off, on = (stage_shares(g, shuffle) for shuffle in (False, True))
        cells = {f"end of stage {i}, off": 100 * s for i, s in enumerate(off, start=2)}
        rows.append({"g": g} | cells | {"every stage, on": 100 * min(on)})
    return pd.DataFrame(rows).set_index("g")
