"""The stacks of convolutions that tables 1 to 4 of the paper time.

No batch normalisation: at inference it is folded into the convolution before it.
"""

from __future__ import annotations

from torch import Tensor, nn

from lwsurvey.models.blocks import same_convolution


def pairs(c1: int, c2: int, blocks: int = 10) -> nn.Sequential:
    """G1: ``blocks`` times a 1 x 1 convolution from c1 to c2 channels and one back."""
    layers = [(same_convolution(c1, c2, 1), same_convolution(c2, c1, 1)) for _ in range(blocks)]
    return nn.Sequential(*(layer for pair in layers for layer in pair))


def grouped(c: int, g: int, blocks: int = 10) -> nn.Sequential:
    """G2: ``blocks`` 1 x 1 convolutions of c channels in g groups."""
    return nn.Sequential(*(same_convolution(c, c, 1, groups=g) for _ in range(blocks)))


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


def fragmented(c: int, series: int = 1, parallel: int = 1, blocks: int = 10) -> nn.Sequential:
    """G3: ``blocks`` times ``series`` stages of ``parallel`` 1 x 1 convolutions, c channels."""
    if parallel == 1:
        return nn.Sequential(*(same_convolution(c, c, 1) for _ in range(series * blocks)))
    return nn.Sequential(*(Parallel(c, parallel) for _ in range(series * blocks)))


class Bottleneck(nn.Module):
    """G4: 1 x 1 to c / 4 channels, 3 x 3, 1 x 1 back; ReLU and shortcut can be left out.

    Like ResNet's, it applies ReLU in place, after each convolution or, at the end, after the
    addition.
    """

    def __init__(self, c: int, relu: bool = True, shortcut: bool = True) -> None:
        super().__init__()
        middle = c // 4
        self.reduce = same_convolution(c, middle, 1)
        self.spatial = same_convolution(middle, middle, 3)
        self.expand = same_convolution(middle, c, 1)
        self.relu = nn.ReLU(inplace=True) if relu else nn.Identity()
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.expand(self.relu(self.spatial(self.relu(self.reduce(x)))))
        if self.shortcut:
            y += x
        return self.relu(y)


def bottlenecks(c: int, relu: bool = True, shortcut: bool = True, blocks: int = 10):
    """G4: ``blocks`` bottleneck units in a row."""
    return nn.Sequential(*(Bottleneck(c, relu, shortcut) for _ in range(blocks)))
