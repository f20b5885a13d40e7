"""MobileNet V3 (Howard et al. 2019), with the parts that its authors changed by hand as options."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from torch import nn

from lwsurvey.models.blocks import (
    Head,
    InvertedResidual,
    Layer,
    Make,
    SqueezeExcitation,
    conv_norm,
)
from lwsurvey.models.mobilenet_v2 import round_channels

BatchNorm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
"""As in the authors' code, where the momentum is written 0.99."""


class Row(NamedTuple):
    """A block of table 1 or 2: kernel, expanded and output channels, SE, h-swish, stride."""

    K: int
    hidden: int
    M: int
    se: bool
    hs: bool
    stride: int


LARGE = tuple(Row(*row) for row in (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1), (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1),
))  # fmt: skip
SMALL = tuple(Row(*row) for row in (
    (3, 16, 16, True, False, 2),
    (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2), (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1),
))  # fmt: skip
SIZES = {"large": (LARGE, 1280), "small": (SMALL, 1024)}
"""The blocks, and the width of the layer before the classifier."""

TAILS = ("efficient", "original")


class MobileNetV3(nn.Sequential):
    """The network of table 1 (``large``) or 2 (``small``), for images ``(batch, 3, H, W)``.

    Args:
        size: ``large`` or ``small``.
        alpha: width multiplier; `round_channels` makes widths multiples of 8.
        classes: outputs.
        tail: ``efficient``, or ``original`` for the last stage as it was before the authors
            shortened it (figure 5, drawn for ``large`` alone).
        stem: channels of the first convolution and of the first block's middle, at alpha 1;
            32 before the authors halved it.
        squeeze: False leaves out Squeeze-and-Excitation.
        activation: in place of h-swish.
        gate: of Squeeze-and-Excitation.

    Raises:
        ValueError: an unknown size or tail, the original tail of ``small``, or a number that
            is not positive.
    """

    def __init__(
        self,
        size: str = "large",
        alpha: float = 1.0,
        classes: int = 1000,
        *,
        tail: str = "efficient",
        stem: int = 16,
        squeeze: bool = True,
        activation: Make = nn.Hardswish,
        gate: Make = nn.Hardsigmoid,
    ) -> None:
        _check(size, alpha, tail, stem)
        rows, last = SIZES[size]
        N, C = round_channels(stem * alpha), round_channels(rows[-1].M * alpha)
        excite = partial(_excitation, gate=gate) if squeeze else None
        super().__init__()
        self.stem = conv_norm(3, N, 3, stride=2, norm=BatchNorm, activation=activation)
        self.blocks = nn.Sequential(*_body(rows, N, alpha, excite, activation))
        make = _efficient if tail == "efficient" else _original
        self.tail = make(C, round_channels(last * alpha), classes, activation)


def _check(size: str, alpha: float, tail: str, stem: int) -> None:
    if size not in SIZES:
        raise ValueError(f"size is one of {', '.join(SIZES)}, not {size!r}")
    if tail not in TAILS:
        raise ValueError(f"tail is one of {', '.join(TAILS)}, not {tail!r}")
    if size == "small" and tail == "original":
        raise ValueError("the paper draws the original tail for the large network alone")
    if not alpha > 0 or stem < 1:
        raise ValueError(f"alpha and stem are positive, not {alpha} and {stem}")


def _body(
    rows: tuple[Row, ...], N: int, alpha: float, excite: Layer | None, activation: Make
) -> Iterator[InvertedResidual]:
    for i, row in enumerate(rows):
        M = round_channels(row.M * alpha)
        yield InvertedResidual(
            N, M, hidden=round_channels(row.hidden * alpha) if i else N, K=row.K, stride=row.stride,
            activation=activation if row.hs else nn.ReLU,
            squeeze=excite if row.se else None, norm=BatchNorm,
        )  # fmt: skip
        N = M


def _excitation(channels: int, gate: Make) -> SqueezeExcitation:
    return SqueezeExcitation(channels, round_channels(channels / 4), gate=gate)


def _efficient(C: int, last: int, classes: int, activation: Make) -> nn.Sequential:
    """One 1 x 1 convolution on the map; what follows works on the mean of the map."""
    return nn.Sequential(
        conv_norm(C, 6 * C, norm=BatchNorm, activation=activation),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(6 * C, last), activation(), nn.Dropout(0.2), nn.Linear(last, classes),
    )  # fmt: skip


def _original(C: int, last: int, classes: int, activation: Make) -> nn.Sequential:
    """Expansion, depthwise 3 x 3, projection and the last 1 x 1 convolution, all on the map."""
    return nn.Sequential(
        InvertedResidual(C, 2 * C, hidden=6 * C, activation=activation, norm=BatchNorm),
        conv_norm(2 * C, last, norm=BatchNorm, activation=activation), Head(last, classes),
    )  # fmt: skip
