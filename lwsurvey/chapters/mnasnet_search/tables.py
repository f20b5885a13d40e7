"""What is built: the blocks of MnasNet-A1 and the cells of NASNet, and what the papers list."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pandas as pd
import torch
from torch import nn

from lwsurvey import paths
from lwsurvey.models import zoo

A1 = "semnasnet_100"
"""MnasNet-A1 in timm."""

SEARCHED = {
    "operation": "conv ops",
    "kernel": "kernel",
    "way of connection": "skip",
    "filter size": "filter multiplier vs MobileNetV2",
}
"""The dimensions that the survey names -> rows of the published list."""


@dataclass(frozen=True)
class Layer:
    """One layer of a block; `structure` is what a block repeats."""

    operation: str
    kernel: int
    expansion: int
    squeeze: bool
    stride: int
    depthwise: bool

    @property
    def structure(self) -> tuple[str, int, int, bool]:
        """Operation, kernel, expansion and whether there is squeeze-and-excitation."""
        return self.operation, self.kernel, self.expansion, self.squeeze

    def __str__(self) -> str:
        kind = "Sep" if self.operation == "separable" else f"MB{self.expansion}"
        return f"{kind}\n{self.kernel}×{self.kernel}" + ("\nSE" if self.squeeze else "")


def blocks(network: nn.Module) -> list[list[Layer]]:
    """The layers of each block of a network of timm's EfficientNet kind."""
    return [[_layer(part) for part in stage] for stage in network.blocks]


def _layer(part: nn.Module) -> Layer:
    convolutions = [m for m in part.modules() if isinstance(m, nn.Conv2d)]
    grouped = [c for c in convolutions if c.groups == c.in_channels > 1]
    enters = convolutions[0].in_channels
    return Layer(
        operation="inverted" if hasattr(part, "conv_pwl") else "separable",
        kernel=part.conv_dw.kernel_size[0],
        expansion=part.conv_dw.in_channels // enters,
        squeeze=not isinstance(part.se, nn.Identity),
        stride=part.conv_dw.stride[0],
        depthwise=bool(grouped),
    )


def layers_outside(network: nn.Module) -> list[str]:
    """Layers with weights that stand in no block: convolutions and linear ones, by name."""
    kinds = (nn.Conv2d, nn.Linear)
    named = network.named_modules()
    return [name for name, m in named if isinstance(m, kinds) and not name.startswith("blocks.")]


def count_depthwise(network: nn.Module, K: int) -> int:
    """How many depthwise convolutions have a kernel of K x K."""
    parts = (m for m in network.modules() if isinstance(m, nn.Conv2d))
    return sum(m.groups == m.in_channels > 1 and m.kernel_size == (K, K) for m in parts)


def other_links(network: nn.Module) -> int:
    """Blocks whose input is something else than the output of the block before them."""
    seen: list[tuple[object, ...]] = []
    hooks = [
        stage.register_forward_hook(lambda _, x, y: seen.append((*x, y)))
        for stage in network.blocks
    ]
    network(torch.empty(1, 3, 224, 224, device="meta"))
    for hook in hooks:
        hook.remove()
    followed = pairwise(seen)
    return sum(len(later) != 2 or later[0] is not earlier[-1] for earlier, later in followed)


def nasnet_cells() -> list[tuple[str, ...]]:
    """What each normal cell of NASNet-A (large) computes with, in order: kinds and windows."""
    network = zoo.from_timm("nasnetalarge")
    return [_cell(m) for m in network.modules() if type(m).__name__ == "NormalCell"]


def _cell(cell: nn.Module) -> tuple[str, ...]:
    parts = (m for m in cell.modules() if hasattr(m, "kernel_size"))
    return tuple(f"{type(m).__name__} {m.kernel_size}" for m in parts)


def search_facts() -> pd.Series:
    """What the MnasNet paper lists of its search, by item."""
    return pd.read_csv(paths.data("papers/papers_mnasnet_search.csv")).set_index("item")["value"]
