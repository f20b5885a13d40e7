"""What happens between two units of ShuffleNet V2: join, shuffle, split."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lwsurvey.models.blocks import channel_shuffle

Halves = tuple[Tensor, Tensor]


def separate(kept: Tensor, made: Tensor) -> Halves:
    """The three operations one after the other.

    Args:
        kept: the half that passed untouched, shape ``(batch, c, H, W)``.
        made: the half that was computed, same shape.

    Returns:
        both halves of the next unit's input, same shapes.
    """
    first, second = channel_shuffle(torch.cat([kept, made], dim=1), 2).chunk(2, dim=1)
    return first, second


def merged(kept: Tensor, made: Tensor) -> Halves:
    """The same in one copy: channel i of both halves goes to places 2 i and 2 i + 1."""
    first, second = torch.stack([kept, made], dim=2).flatten(1, 2).chunk(2, dim=1)
    return first, second


def order(channels: int) -> Tensor:
    """For each channel of the shuffled map, the channel of the joined map that lands there."""
    return channel_shuffle(torch.arange(channels).reshape(1, -1, 1, 1), 2).flatten()


def gathered(kept: Tensor, made: Tensor) -> Halves:
    """The same as one gather with the fixed index `order` from the joined map."""
    joined = torch.cat([kept, made], dim=1)
    first, second = joined[:, order(joined.shape[1])].chunk(2, dim=1)
    return first, second


class Joined(nn.Module):
    """One of the functions above as a module, so that it can be counted and timed."""

    def __init__(self, how: Callable[[Tensor, Tensor], Halves]) -> None:
        super().__init__()
        self.how = how

    def forward(self, kept: Tensor, made: Tensor) -> Halves:
        return self.how(kept, made)
