"""The networks that the chapter trains: one plan, equal MACs, wider with more groups.

Smaller than `lwsurvey.models.small`, because eleven arms over five seeds and more have to fit
into minutes of one core.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd
from torch import nn
from torchvision.models.mobilenetv2 import InvertedResidual

from lwsurvey import cost, train
from lwsurvey.data import Split
from lwsurvey.models.blocks import Head, norm_relu, same_convolution
from lwsurvey.models.shufflenet_v1 import Unit
from lwsurvey.shuffle.variants import reordered
from lwsurvey.stats import Estimate

INPUT = (1, 1, 28, 28)
LATE = 4
"""Units at 7 x 7, the first of which has stride 2; one more stands before them, at 14 x 14."""

WIDTHS = {1: (28, 52), 2: (40, 72), 3: (48, 84), 4: (48, 96), 8: (64, 128)}
"""Channels at 14 x 14 and at 7 x 7 by groups: of all widths that the groups divide, with ratios
of 1.5 to 2 and 250,000 to 600,000 MACs, those whose MACs differ least among the arms."""

MOBILE = (6, 9)
"""The same for MobileNetV2's unit with expansion 6."""

Make = Callable[[], nn.Module]


def plan(unit: Callable[[int, int, int], nn.Module], width: int, late: int) -> nn.Sequential:
    """The network around a unit, for grey images ``(batch, 1, 28, 28)`` of ten classes.

    Args:
        unit: makes a unit from ``N``, ``M`` and the stride.
        width: channels at 14 x 14.
        late: channels at 7 x 7.
    """
    stem = nn.Sequential(same_convolution(1, width, 3, stride=2), norm_relu(width))
    rest = [unit(late, late, 1) for _ in range(LATE - 1)]
    return nn.Sequential(
        stem, unit(width, width, 1), unit(width, late, 2), *rest, Head(late, classes=10)
    )


def shufflenet(
    groups: int, shuffle: bool = True, widths: tuple[int, int] | None = None
) -> nn.Module:
    """A small ShuffleNet V1, by default with the `WIDTHS` of its groups."""
    width, late = widths or WIDTHS[groups]
    return plan(lambda N, M, stride: Unit(N, M, groups, stride, shuffle=shuffle), width, late)


def random_order(groups: int) -> nn.Module:
    """`shufflenet` with a random permutation, drawn once, in the place of each shuffle.

    They are drawn after the weights, which therefore are those of `shufflenet` for a seed.
    """
    return reordered(shufflenet(groups), INPUT)


def mobilenet(widths: tuple[int, int] = MOBILE) -> nn.Module:
    """The plan with MobileNetV2's unit, torchvision's, with expansion 6."""
    return plan(lambda N, M, stride: InvertedResidual(N, M, stride, 6), *widths)


def arms(random: int = 4) -> dict[str, Make]:
    """All arms by name: "g on" and "g off" for each number of groups, and two more.

    One group has nothing to shuffle, so that its two arms would be one network.

    Args:
        random: groups of the arm with random permutations.
    """
    found: dict[str, Make] = {"1 on": partial(shufflenet, 1)}
    for g in [g for g in WIDTHS if g > 1]:
        found |= {f"{g} on": partial(shufflenet, g), f"{g} off": partial(shufflenet, g, False)}
    return found | {f"{random} random": partial(random_order, random), "MobileNetV2": mobilenet}


def smaller(split: Split, images: int, tested: int) -> Split:
    """A class-balanced part of the images; the validation images, not needed here, are few.

    Args:
        split: the whole.
        images: training images, a multiple of the classes.
        tested: test images, a multiple of the classes.
    """
    few = split.validation.take(split.train.classes)
    return Split(split.train.take(images), few, split.test.take(tested))


def macs() -> dict[str, int]:
    """MACs of every arm for one image."""
    return {name: cost.count(make(), INPUT).macs for name, make in arms().items()}


def accuracies(frame: pd.DataFrame) -> dict[str, Estimate]:
    """Mean test accuracy of each arm with its 95 % interval, in per cent."""
    return {
        row.arm: Estimate(row.mean, row.low, row.high, row.n)
        for row in train.summary(frame).itertuples(index=False)
    }


def lines(found: Mapping[str, Estimate]) -> dict[str, dict[int, Estimate]]:
    """The accuracies of the sweep, by state of the shuffle and groups."""
    return {
        f"shuffle {state}": {g: found[f"{g} {state}"] for g in WIDTHS if f"{g} {state}" in found}
        for state in ("on", "off")
    }


def effects(frame: pd.DataFrame, random: int = 4) -> dict[str, Estimate]:
    """The paired differences that the claims ask for, in points, by what is compared."""
    on = f"{random} on"
    pairs = {f"shuffle on or off, g = {g}": (f"{g} on", f"{g} off") for g in WIDTHS if g > 1}
    pairs |= {
        f"g = {random} or 1, shuffled": (on, "1 on"),
        f"random order or shuffle, g = {random}": (f"{random} random", on),
        f"ShuffleNet, g = {random}, or MobileNetV2": (on, "MobileNetV2"),
    }
    return {name: train.difference(frame, *pair) for name, pair in pairs.items()}


def said(effect: Estimate) -> str:
    """A difference in words: its size and interval, and whether it was told from nothing."""
    text = f"{effect.value:+.2f} points [{effect.low:+.2f}, {effect.high:+.2f}]"
    if effect.low <= 0 <= effect.high:
        return f"{text}, not told from nothing"
    return text
