"""The channel shuffle as a permutation of channel numbers.

A permutation is written as the list of its sources: place ``p`` of the output holds channel
``order[p]`` of the input.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lwsurvey.models.blocks import channel_shuffle


def dealt_in_subgroups(channels: int, groups: int) -> list[int]:
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


def dealt_like_cards(channels: int, groups: int) -> list[int]:
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


def groups_of(order: list[int], groups: int) -> list[list[int]]:
    """The channels that each group of the next layer gets, sorted inside each group."""
    size = len(order) // groups
    return [sorted(order[g * size : (g + 1) * size]) for g in range(groups)]


def misplaced(order: list[int], other: list[int], groups: int) -> int:
    """How many channels get into another group of the next layer in one order than in the other."""
    pairs = zip(groups_of(order, groups), groups_of(other, groups), strict=True)
    return sum(len(set(one) - set(two)) for one, two in pairs)


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
