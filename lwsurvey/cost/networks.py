"""Whole networks in closed form."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import torch
from torch import nn

from lwsurvey.cost import closed_form
from lwsurvey.cost.closed_form import Cost, scaled

# Howard et al. 2017, table 1: input and output channels, rows of the output map at 224.
MOBILENET_V1 = (
    (32, 64, 112), (64, 128, 56), (128, 128, 56), (128, 256, 28), (256, 256, 28),
    (256, 512, 14), *[(512, 512, 14)] * 5, (512, 1024, 7), (1024, 1024, 7),
)  # fmt: skip


def mobilenet_v1(
    alpha: float = 1.0, rows: int = 224, block: Callable[..., Cost] = closed_form.separable
) -> Cost:
    """MACs and weights (of convolutions and classifier; no biases) of MobileNet V1.

    Args:
        alpha: width multiplier; must leave whole channels.
        rows: of the square input; must be divisible by 32.
        block: cost of a block from N, M, K, H, W; `closed_form.convolution` makes the
            paper's twin of standard convolutions.
    """
    rho = Fraction(rows, 224)
    total = closed_form.convolution(3, scaled(32, alpha), 3, *[scaled(112, rho)] * 2)
    for N, M, side in MOBILENET_V1:
        total += block(scaled(N, alpha), scaled(M, alpha), 3, *[scaled(side, rho)] * 2)
    return total + closed_form.pointwise(scaled(1024, alpha), 1000, 1, 1)


def alexnet(groups: int) -> nn.Module:
    """AlexNet's layers with weights, on the ``meta`` device; not a network that runs.

    Sizes from Krizhevsky et al. 2012, section 3.5.

    Args:
        groups: of layers 2, 4 and 5; the paper's two graphics cards are 2.
    """
    G = groups
    with torch.device("meta"):
        return nn.ModuleList(
            [
                nn.Conv2d(3, 96, 11, 4),
                nn.Conv2d(96, 256, 5, padding=2, groups=G),
                nn.Conv2d(256, 384, 3, padding=1),
                nn.Conv2d(384, 384, 3, padding=1, groups=G),
                nn.Conv2d(384, 256, 3, padding=1, groups=G),
                nn.Linear(256 * 6 * 6, 4096),
                nn.Linear(4096, 4096),
                nn.Linear(4096, 1000),
            ]
        )
