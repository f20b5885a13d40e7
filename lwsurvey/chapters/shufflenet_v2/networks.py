"""The variants of the races: small stacks of equal work that keep a guideline or break it.

They have no batch normalisation: at inference it is folded into the convolution before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from lwsurvey import cost
from lwsurvey.chapters.shufflenet_v2 import tables
from lwsurvey.models.blocks import Residual, same_convolution

SIDE = 56
"""Rows and columns of all feature maps of tables 1 to 4."""
BLOCKS = 10
FACTORS = (1, 2, 4)
"""Of the widths, in the three columns of a platform."""


@dataclass(frozen=True)
class Variant:
    """`BLOCKS` equal blocks in a row.

    Attributes:
        block: makes one of them.
        channels: of its input, whose feature map is `SIDE` x `SIDE`.
        widths: its channels as the tables print them.
    """

    block: Callable[[], nn.Module]
    channels: int
    widths: str

    def make(self) -> nn.Sequential:
        return nn.Sequential(*(self.block() for _ in range(BLOCKS)))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return 1, self.channels, SIDE, SIDE

    @cached_property
    def cost(self) -> cost.Profile:
        """What one image costs."""
        with torch.device("meta"):
            return cost.profile(self.make(), self.shape)


def pointwise(*layers: tuple[int, int, int]) -> nn.Sequential:
    """1 x 1 convolutions in a row, given by input channels, output channels and groups."""
    return nn.Sequential(*(same_convolution(N, M, 1, groups=G) for N, M, G in layers))


def pair(c1: int, c2: int) -> Variant:
    """G1: a 1 x 1 convolution from c1 to c2 channels, and one back."""
    return Variant(partial(pointwise, (c1, c2, 1), (c2, c1, 1)), c1, f"({c1}, {c2})")


def group(c: int, g: int = 1) -> Variant:
    """G2: a 1 x 1 convolution of c channels in g groups; c goes up to a multiple of g."""
    c = -(-c // g) * g  # the paper prints 180 channels in 8 groups
    return Variant(partial(pointwise, (c, c, g)), c, str(c))


def fragments(c: int, n: int = 1, parallel: bool = False) -> Variant:
    """G3: n 1 x 1 convolutions with, or nearly with, the work of one of c channels."""
    thin = round(c / n**0.5)
    row = partial(pointwise, *[(thin, thin, 1)] * n)
    return Variant(partial(Parallel, thin, n) if parallel else row, thin, str(thin))


def bottleneck(c: int, relu: bool = False, shortcut: bool = False) -> Variant:
    """G4: a bottleneck with, or without, its element-wise operations."""
    return Variant(partial(Bottleneck, c, relu, shortcut), c, str(c))


class Parallel(nn.ModuleList):
    """1 x 1 convolutions of the same input, added up (figure 1 of the appendix, d and e)."""

    def __init__(self, c: int, fragments: int) -> None:
        super().__init__(same_convolution(c, c, 1) for _ in range(fragments))

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self
        total = first(x)
        for other in others:
            total += other(x)
        return total


class Bottleneck(Residual):
    """1 x 1 to c / 4 channels, 3 x 3, 1 x 1 back; like ResNet's, it adds and cuts off in place."""

    def __init__(self, c: int, relu: bool, shortcut: bool) -> None:
        shapes = (c, c // 4, 1), (c // 4, c // 4, 3), (c // 4, c, 1)
        layers = [layer for shape in shapes for layer in (same_convolution(*shape), nn.ReLU(True))]
        branch = layers[:-1] if relu else layers[::2]
        super().__init__(nn.Sequential(*branch), nn.Identity() if shortcut else None, relu=relu)

    def forward(self, x: Tensor) -> Tensor:
        out = self.branch(x)
        if self.shortcut is not None:
            out += x
        return out.relu_() if self.relu else out


def printed_column(guideline: int, platform: str, column: int) -> dict[str, Variant]:
    """The variants of a column of table 1, 2, 3 or 4, in its order.

    Args:
        guideline: 1 to 4.
        platform: ``GPU`` or ``ARM``, whose columns have different widths.
        column: 0, 1 or 2, a place in `FACTORS`.
    """
    factor, key = FACTORS[column], "gpu" if platform == "GPU" else "cpu"
    c = factor * {(3, "GPU"): 128, (3, "ARM"): 64}.get((guideline, platform), 32)
    make = {
        1: lambda row: pair(*(factor * int(row[f"{platform.lower()}_c{i}"]) for i in (1, 2))),
        2: lambda row: group(factor * int(row[f"{key}_c"]), int(row.groups)),
        3: lambda row: fragments(c, int(row.block[0]), row.block.endswith("parallel")),
        4: lambda row: bottleneck(c, row.relu == "yes", row.shortcut == "yes"),
    }[guideline]
    return {name: make(row) for name, row in tables.printed(guideline).iterrows()}
