"""Small networks for grey images of 28 x 28, one plan for all families, to compare their units.

The plan is ShuffleNet's in miniature: a 3 x 3 convolution of stride 2 to 24 channels, a stage of
three units at 7 x 7 and one at 4 x 4, each opened by a unit of stride 2, and a classifier. All
families have the same widths at the same places, so that two networks of equal MACs differ only
in the unit and in the width that it affords.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd
from torch import nn

from lwsurvey import cost
from lwsurvey.models import shufflenet_v1 as v1
from lwsurvey.models import shufflenet_v2 as v2
from lwsurvey.models.blocks import (
    DepthwiseSeparable,
    Head,
    InvertedResidual,
    Make,
    SqueezeExcitation,
    WidthError,
    conv_norm,
    norm_relu,
    same_convolution,
)
from lwsurvey.models.matching import match_macs, match_widths
from lwsurvey.models.mobilenet_v3 import TAILS

__all__ = [
    "INPUT", "costs", "match_macs", "match_widths", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3",
    "plan", "shufflenet_v1", "shufflenet_v2",
]  # fmt: skip

INPUT = (1, 1, 28, 28)
"""Shape of one image, for counts."""

STEM = 24
"""Channels of the first convolution, as in both ShuffleNets; divisible by 1, 2, 3, 4 and 8."""

UNITS = 3
"""Units of a stage; the first of them has stride 2."""

Unit = Callable[[int, int, int], nn.Module]
"""Makes a unit from its input channels, output channels and stride."""


def plan(
    unit: Unit, width: int, late: int | None = None, classes: int = 10, *,
    stem: int = STEM, units: int = UNITS,
) -> nn.Sequential:  # fmt: skip
    """The network around a unit: ``stem``, ``early``, ``late`` and ``head``.

    Args:
        unit: makes a unit from ``N``, ``M`` and the stride.
        width: channels at 7 x 7.
        late: channels at 4 x 4; ``2 * width`` if not given.
        classes: outputs.
        stem: channels of the first convolution.
        units: of a stage; the first of them has stride 2.

    Raises:
        ValueError: numbers that are not positive, or widths that the unit does not take.
    """
    late = 2 * width if late is None else late
    if width < 1 or late < 1:
        raise WidthError(f"widths are positive, not {width} and {late}")
    if stem < 1 or units < 1:
        raise ValueError(f"stem and units of a stage are positive, not {stem} and {units}")
    network = nn.Sequential()
    network.stem = nn.Sequential(same_convolution(1, stem, 3, stride=2), norm_relu(stem))
    network.early = _stage(unit, stem, width, units)
    network.late = _stage(unit, width, late, units)
    network.head = Head(late, classes)
    return network


def costs(variants: Mapping[str, Make]) -> pd.DataFrame:
    """``MACs`` and ``parameters`` of each network for one image; the index is ``variant``."""
    counted = {name: cost.count(make(), INPUT) for name, make in variants.items()}
    rows = {name: {"MACs": c.macs, "parameters": c.parameters} for name, c in counted.items()}
    return pd.DataFrame(rows).T.rename_axis("variant")


def _stage(unit: Unit, N: int, M: int, units: int) -> nn.Sequential:
    return nn.Sequential(unit(N, M, 2), *(unit(M, M, 1) for _ in range(units - 1)))


def shufflenet_v1(
    width: int, groups: int = 3, shuffle: bool = True, *, late: int | None = None, classes: int = 10
) -> nn.Sequential:
    """ShuffleNet V1's unit in the `plan`; ``4 * groups`` must divide both widths.

    As in the paper, the first unit's first 1 x 1 convolution is not grouped.

    Args:
        width: channels at 7 x 7, more than 24.
        groups: 1, 2, 3, 4 or 8, or another divisor of 24.
        shuffle: False leaves the channels where they are.
        late: channels at 4 x 4; ``2 * width`` if not given.
        classes: outputs.

    Raises:
        ValueError: widths and groups that do not fit.
    """
    if groups < 1 or STEM % groups:
        raise ValueError(f"groups must divide the {STEM} channels of the stem; {groups} do not")

    def unit(N: int, M: int, stride: int) -> nn.Module:
        first = 1 if N == STEM and stride == 2 else groups
        return v1.Unit(N, M, groups, stride, first, shuffle)

    return plan(unit, width, late, classes)


def shufflenet_v2(
    width: int, shuffle: bool = True, *, late: int | None = None, classes: int = 10
) -> nn.Sequential:
    """ShuffleNet V2's unit in the `plan`; both widths must be even.

    Raises:
        ValueError: a width that is odd.
    """
    return plan(lambda N, M, stride: v2.Unit(N, M, stride, shuffle=shuffle), width, late, classes)


def mobilenet_v1(width: int, *, late: int | None = None, classes: int = 10) -> nn.Sequential:
    """MobileNet V1's unit, depthwise and pointwise, in the `plan`."""

    def unit(N: int, M: int, stride: int) -> nn.Module:
        return DepthwiseSeparable(N, M, stride=stride, after=norm_relu)

    return plan(unit, width, late, classes)


def mobilenet_v2(
    width: int, t: int = 6, *, late: int | None = None, classes: int = 10
) -> nn.Sequential:
    """MobileNet V2's unit, with ReLU6, in the `plan`.

    As in the paper, the first unit does not expand.

    Args:
        width: channels at 7 x 7.
        t: expansion of the unit's middle.
        late: channels at 4 x 4; ``2 * width`` if not given.
        classes: outputs.

    Raises:
        ValueError: an expansion that is not positive.
    """
    if t < 1:
        raise ValueError(f"the expansion is 1 or more, not {t}")

    def unit(N: int, M: int, stride: int) -> nn.Module:
        first = N == STEM and width == M and stride == 2
        return InvertedResidual(N, M, hidden=N if first else t * N, stride=stride)

    return plan(unit, width, late, classes)


def mobilenet_v3(
    width: int, *, t: int = 4, squeeze: bool = True, activation: Make = nn.Hardswish,
    gate: Make = nn.Hardsigmoid, stem: int = 16, tail: str = "efficient", classes: int = 10,
) -> nn.Sequential:  # fmt: skip
    """MobileNet V3 in miniature, with the parts that its authors changed as options.

    Not the `plan`, but a stem of stride 2 and a block without expansion, as in the paper; a
    stage of three blocks at 7 x 7 with ReLU, one at 4 x 4 with ``activation``; and the last
    stage, in proportion.

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

    def unit(N: int, M: int, stride: int, activation: Make) -> nn.Module:
        return InvertedResidual(
            N, M, hidden=t * N, stride=stride, activation=activation, squeeze=excite
        )

    make = _efficient if tail == "efficient" else _original
    network = nn.Sequential()
    network.stem = conv_norm(1, stem, 3, stride=2, activation=activation)
    network.first = InvertedResidual(stem, 16, hidden=stem, activation=nn.ReLU)
    network.early = _stage(partial(unit, activation=nn.ReLU), 16, width, UNITS)
    network.late = _stage(partial(unit, activation=activation), width, 2 * width, UNITS)
    network.tail = make(2 * width, t, classes, activation)
    return network


def _excitation(channels: int, gate: Make) -> SqueezeExcitation:
    return SqueezeExcitation(channels, max(1, channels // 4), gate=gate)


def _efficient(C: int, t: int, classes: int, activation: Make) -> nn.Sequential:
    return nn.Sequential(
        conv_norm(C, t * C, activation=activation), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(t * C, 8 * C), activation(), nn.Linear(8 * C, classes),
    )  # fmt: skip


def _original(C: int, t: int, classes: int, activation: Make) -> nn.Sequential:
    return nn.Sequential(
        InvertedResidual(C, 2 * C, hidden=t * C, activation=activation),
        conv_norm(2 * C, 8 * C, activation=activation), Head(8 * C, classes),
    )  # fmt: skip
