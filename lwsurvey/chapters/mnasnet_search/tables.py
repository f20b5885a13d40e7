"""What is built: the blocks of MnasNet-A1 and the cells of NASNet."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn

from lwsurvey.models import zoo


class Structure(NamedTuple):
    """What a block repeats."""

    operation: str
    kernel: int
    expansion: int
    squeeze: bool


def blocks(network: nn.Module) -> list[list[Structure]]:
    """The layers of each block of a network of timm's EfficientNet kind."""
    return [[_structure(part) for part in stage] for stage in network.blocks]


def _structure(part: nn.Module) -> Structure:
    entering = next(m for m in part.modules() if isinstance(m, nn.Conv2d)).in_channels
    return Structure(
        operation="inverted" if hasattr(part, "conv_pwl") else "separable",
        kernel=part.conv_dw.kernel_size[0],
        expansion=part.conv_dw.in_channels // entering,
        squeeze=not isinstance(part.se, nn.Identity),
    )


def depthwise(network: nn.Module) -> list[nn.Conv2d]:
    """The depthwise convolutions of a network."""
    convolutions = (m for m in network.modules() if isinstance(m, nn.Conv2d))
    return [m for m in convolutions if m.groups == m.in_channels > 1]


def other_links(network: nn.Module) -> int:
    """Blocks whose input is something else than the output of the block before them."""
    seen: list[tuple[object, ...]] = []
    for stage in network.blocks:
        stage.register_forward_hook(lambda _, x, y: seen.append((*x, y)))
    network(torch.empty(1, 3, 224, 224, device="meta"))
    return sum(len(later) != 2 or later[0] is not earlier[-1] for earlier, later in pairwise(seen))


def nasnet_cells() -> list[tuple[str, ...]]:
    """What each normal cell of NASNet-A (large) computes with, in order: kinds and windows."""
    cells = (m for m in zoo.from_timm("nasnetalarge").modules() if type(m).__name__ == "NormalCell")
    return [
        tuple(f"{type(m).__name__} {m.kernel_size}" for m in cell.modules()
              if hasattr(m, "kernel_size"))
        for cell in cells
    ]  # fmt: skip
