"""MobileNet V2 (Sandler et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from lwsurvey.models.blocks import Head, same_convolution
from lwsurvey.models.inverted_residual import InvertedResidual
from lwsurvey.models.rounding import rounded

STEM, LAST = 32, 1280

STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
"""Table 2: expansion t, output channels c, blocks n, and stride s of the first of them."""


class MobileNetV2(nn.Sequential):
    """The network of table 2 of the paper, for images of shape ``(batch, 3, H, W)``.

    Args:
        alpha: width multiplier; widths are `rounded` to multiples of 8, and the last
            convolution does not become narrower than 1280.
        classes: outputs.

    Raises:
        ValueError: a multiplier that is not positive, or no class.
    """

    def __init__(self, alpha: float = 1.0, classes: int = 1000) -> None:
        if not alpha > 0:
            raise ValueError(f"the width multiplier is positive, not {alpha}")
        stem, last = rounded(STEM * alpha), rounded(LAST * max(1.0, alpha))
        *_, (_, before, _, _) = STAGES
        super().__init__()
        self.stem = _convolution(3, stem, 3, stride=2)
        self.blocks = nn.Sequential(*_body(stem, alpha))
        self.last = _convolution(rounded(before * alpha), last, 1)
        self.head = Head(last, classes)


def _body(N: int, alpha: float) -> Iterator[InvertedResidual]:
    for t, c, n, s in STAGES:
        M = rounded(c * alpha)
        for i in range(n):
            yield InvertedResidual(N, M, hidden=t * N, stride=1 if i else s)
            N = M


def _convolution(N: int, M: int, K: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(same_convolution(N, M, K, stride), nn.BatchNorm2d(M), nn.ReLU6())
