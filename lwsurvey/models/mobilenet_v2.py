"""MobileNet V2 (Sandler et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from lwsurvey.models.blocks import Head, InvertedResidual, conv_norm

STEM, LAST = 32, 1280

STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
"""Table 2: expansion t, output channels c, blocks n, and stride s of the first of them."""


def round_channels(channels: float, multiple: int = 8) -> int:
    """The nearest multiple, upwards from the middle, and never less than nine tenths.

    The rule of the authors' code of MobileNet V2 and V3; the papers do not print it.

    Args:
        channels: such as a width times a multiplier.
        multiple: what must divide the result, and the least result.
    """
    nearest = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return nearest + multiple if nearest < 0.9 * channels else nearest


class MobileNetV2(nn.Sequential):
    """The network of table 2 of the paper, for images of shape ``(batch, 3, H, W)``.

    Args:
        alpha: width multiplier; `round_channels` makes widths multiples of 8, and the last
            convolution does not become narrower than 1280.
        classes: outputs.

    Raises:
        ValueError: a multiplier that is not positive, or no class.
    """

    def __init__(self, alpha: float = 1.0, classes: int = 1000) -> None:
        if not alpha > 0:
            raise ValueError(f"the width multiplier is positive, not {alpha}")
        stem, last = round_channels(STEM * alpha), round_channels(LAST * max(1.0, alpha))
        *_, (_, before, _, _) = STAGES
        super().__init__()
        self.stem = conv_norm(3, stem, 3, stride=2, activation=nn.ReLU6)
        self.blocks = nn.Sequential(*_body(stem, alpha))
        self.last = conv_norm(round_channels(before * alpha), last, activation=nn.ReLU6)
        self.head = Head(last, classes)


def _body(N: int, alpha: float) -> Iterator[InvertedResidual]:
    for t, c, n, s in STAGES:
        M = round_channels(c * alpha)
        for i in range(n):
            yield InvertedResidual(N, M, hidden=t * N, stride=1 if i else s)
            N = M
