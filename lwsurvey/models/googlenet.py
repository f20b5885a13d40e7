"""GoogLeNet (Szegedy et al. 2015) with the filter counts of its printed table."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lwsurvey.models.blocks import same_convolution


class Filters(NamedTuple):
    """One row of the table: output channels of the six convolutions of a module."""

    conv1: int
    reduce3: int
    conv3: int
    reduce5: int
    conv5: int
    pool: int

    @property
    def M(self) -> int:
        """Output channels of the module: the four branches side by side."""
        return self.conv1 + self.conv3 + self.conv5 + self.pool


INCEPTION = {
    "3a": Filters(64, 96, 128, 16, 32, 32),
    "3b": Filters(128, 128, 192, 32, 96, 64),
    "4a": Filters(192, 96, 208, 16, 48, 64),
    "4b": Filters(160, 112, 224, 24, 64, 64),
    "4c": Filters(128, 128, 256, 24, 64, 64),
    "4d": Filters(112, 144, 288, 32, 64, 64),
    "4e": Filters(256, 160, 320, 32, 128, 128),
    "5a": Filters(256, 160, 320, 32, 128, 128),
    "5b": Filters(384, 192, 384, 48, 128, 128),
}
"""Columns "#1x1" to "pool proj" of table 1, by the module's name."""


class Inception(nn.Module):
    """The module of figure 2b: 1 x 1, 3 x 3, 5 x 5 and a pooled branch, side by side.

    Args:
        N: input channels.
        filters: of the six convolutions.
        bias: whether the convolutions have biases.
    """

    def __init__(self, N: int, filters: Filters, bias: bool = True) -> None:
        super().__init__()
        f = filters
        self.branch1 = _layers(N, (f.conv1, 1), bias=bias)
        self.branch3 = _layers(N, (f.reduce3, 1), (f.conv3, 3), bias=bias)
        self.branch5 = _layers(N, (f.reduce5, 1), (f.conv5, 5), bias=bias)
        self.pool = nn.MaxPool2d(3, 1, padding=1)
        self.branch_pool = _layers(N, (f.pool, 1), bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        branches = [self.branch1(x), self.branch3(x), self.branch5(x)]
        return torch.cat([*branches, self.branch_pool(self.pool(x))], dim=1)


class GoogLeNet(nn.Sequential):
    """The network of table 1, for images of shape ``(batch, 3, H, W)``; rows are named parts.

    As printed: a dense 7 x 7 stem, 5 x 5 kernels (torchvision has 3 x 3 in their place), no
    batch normalisation. Left out: the two auxiliary classifiers, and the two local response
    normalisations that figure 3 shows and the table does not list; neither has a part in the
    printed parameters and operations. Poolings round up, so that 224 gives the printed sides.

    Args:
        classes: outputs.
        bias: whether convolutions and classifier have biases; the printed parameters are
            weights only.

    Raises:
        ValueError: there is no class.
    """

    def __init__(self, classes: int = 1000, bias: bool = True) -> None:
        if classes < 1:
            raise ValueError(f"a classifier has one class or more, not {classes}")
        rows: OrderedDict[str, nn.Module] = OrderedDict()
        rows["conv1"] = _layers(3, (64, 7), bias=bias, stride=2)
        rows["pool1"] = _pool()
        rows["conv2"] = _layers(64, (64, 1), (192, 3), bias=bias)
        rows["pool2"] = _pool()
        N = 192
        for name, filters in INCEPTION.items():
            if name in ("4a", "5a"):
                rows[f"pool{int(name[0]) - 1}"] = _pool()
            rows[name] = Inception(N, filters, bias)
            N = filters.M
        rows["avgpool"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        rows["dropout"] = nn.Dropout(0.4)
        rows["linear"] = nn.Linear(N, classes, bias)
        super().__init__(rows)


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, 2, ceil_mode=True)


def _layers(N: int, *sizes: tuple[int, int], bias: bool, stride: int = 1) -> nn.Sequential:
    """Convolutions in a row, each of (output channels, kernel) and followed by ReLU."""
    layers: list[nn.Module] = []
    for M, K in sizes:
        layers += [same_convolution(N, M, K, stride, bias=bias), nn.ReLU()]
        N = M
    return nn.Sequential(*layers)
