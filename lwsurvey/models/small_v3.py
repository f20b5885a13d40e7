"""MobileNet V3 for grey images of 28 x 28."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from lwsurvey.models.blocks import Head, same_convolution
from lwsurvey.models.inverted_residual import InvertedResidual
from lwsurvey.models.squeeze_excitation import SqueezeExcitation

Make = Callable[[], nn.Module]
Block = Callable[[int, int, int, Make], nn.Module]

UNITS = 3
"""Blocks of a stage; the first of them has stride 2."""

TAILS = ("efficient", "original")


def mobilenet_v3(
    width: int, *, t: int = 4, squeeze: bool = True, activation: Make = nn.Hardswish,
    gate: Make = nn.Hardsigmoid, stem: int = 16, tail: str = "efficient", classes: int = 10,
) -> nn.Sequential:  # fmt: skip
    """MobileNet V3's blocks in miniature, with the parts that its authors changed as options.

    A stem of stride 2 and a block without expansion, as in the paper; a stage of three blocks
    at 7 x 7 with ReLU, one at 4 x 4 with ``activation``; and the last stage, in proportion.

    Args:
        width: channels at 7 x 7; twice as many at 4 x 4.
        t: expansion.
        squeeze: Squeeze-and-Excitation, to a quarter of the expanded width, in all blocks that
            expand.
        activation: of stem, second stage and last stage.
        gate: of Squeeze-and-Excitation.
        stem: channels of the first convolution.
        tail: ``efficient`` or ``original``, as in `MobileNetV3`.
        classes: outputs.

    Raises:
        ValueError: an unknown tail, or a number that is not positive.
    """
    if tail not in TAILS:
        raise ValueError(f"tail is one of {', '.join(TAILS)}, not {tail!r}")
    if min(width, t, stem) < 1:
        raise ValueError(f"width, t and stem are 1 or more, not {width}, {t} and {stem}")
    excite = partial(_excitation, gate=gate) if squeeze else None

    def block(N: int, M: int, stride: int, activation: Make) -> nn.Module:
        return InvertedResidual(
            N, M, hidden=t * N, stride=stride, activation=activation, squeeze=excite
        )

    make = _efficient if tail == "efficient" else _original
    network = nn.Sequential()
    network.stem = _convolution(1, stem, 3, activation, stride=2)
    network.first = InvertedResidual(stem, 16, hidden=stem, activation=nn.ReLU)
    network.early = _stage(block, 16, width, nn.ReLU)
    network.late = _stage(block, width, 2 * width, activation)
    network.tail = make(2 * width, t, classes, activation)
    return network


def _stage(block: Block, N: int, M: int, activation: Make) -> nn.Sequential:
    rest = (block(M, M, 1, activation) for _ in range(UNITS - 1))
    return nn.Sequential(block(N, M, 2, activation), *rest)


def _excitation(channels: int, gate: Make) -> SqueezeExcitation:
    return SqueezeExcitation(channels, max(1, channels // 4), gate=gate)


def _convolution(N: int, M: int, K: int, activation: Make, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(same_convolution(N, M, K, stride), nn.BatchNorm2d(M), activation())


def _efficient(C: int, t: int, classes: int, activation: Make) -> nn.Sequential:
    return nn.Sequential(
        _convolution(C, t * C, 1, activation), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(t * C, 8 * C), activation(), nn.Linear(8 * C, classes),
    )  # fmt: skip


def _original(C: int, t: int, classes: int, activation: Make) -> nn.Sequential:
    return nn.Sequential(
        InvertedResidual(C, 2 * C, hidden=t * C, activation=activation),
        _convolution(2 * C, 8 * C, 1, activation), Head(8 * C, classes),
    )  # fmt: skip
