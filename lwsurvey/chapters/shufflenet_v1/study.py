"""The networks that the chapter trains: one plan, equal MACs, wider with more groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd
from torch import nn

from lwsurvey import cost, train
from lwsurvey.chapters.shufflenet_v1.variants import reordered
from lwsurvey.models import small
from lwsurvey.stats import Estimate

GROUPS = (1, 2, 3, 4, 8)
"""The groups of table 1 of the paper."""

MACS = 390_000
"""Of each network; every number of groups has a width within 5 % of it."""

Make = Callable[[], nn.Module]


def shufflenet(groups: int, shuffle: bool = True) -> nn.Module:
    """A small ShuffleNet V1 with about `MACS`."""
    return small.match_macs(small.shufflenet_v1, MACS, groups=groups, shuffle=shuffle)


def random_order(groups: int) -> nn.Module:
    """`shufflenet` with a random permutation, drawn once, in the place of each shuffle.

    They are drawn after the weights, which therefore are those of `shufflenet` for a seed.
    """
    return reordered(shufflenet(groups), small.INPUT)


def mobilenet() -> nn.Module:
    """The same plan with MobileNetV2's unit, expansion 6."""
    return small.match_macs(small.mobilenet_v2, MACS)


def arms(random: int = 4) -> dict[str, Make]:
    """All arms by name: "g on" and "g off" for each number of groups, and two more.

    One group has nothing to shuffle, so that its two arms would be one network.

    Args:
        random: groups of the arm with random permutations.
    """
    found: dict[str, Make] = {"1 on": partial(shufflenet, 1)}
    for g in GROUPS[1:]:
        found |= {f"{g} on": partial(shufflenet, g), f"{g} off": partial(shufflenet, g, False)}
    return found | {f"{random} random": partial(random_order, random), "MobileNetV2": mobilenet}


def macs() -> dict[str, int]:
    """MACs of every arm for one image."""
    return {name: cost.count(make(), small.INPUT).macs for name, make in arms().items()}


def lines(found: Mapping[str, Estimate]) -> dict[str, dict[int, Estimate]]:
    """The accuracies of the sweep, by state of the shuffle and groups."""
    return {
        f"shuffle {state}": {g: found[f"{g} {state}"] for g in GROUPS if f"{g} {state}" in found}
        for state in ("on", "off")
    }


def effects(frame: pd.DataFrame, random: int = 4) -> dict[str, Estimate]:
    """The paired differences that the claims ask for, in points, by what is compared."""
    on = f"{random} on"
    pairs = {f"shuffle on or off, g = {g}": (f"{g} on", f"{g} off") for g in GROUPS[1:]}
    pairs |= {
        f"g = {random} or 1, shuffled": (on, "1 on"),
        f"random order or shuffle, g = {random}": (f"{random} random", on),
        "ShuffleNet, g = 3, or MobileNetV2": ("3 on", "MobileNetV2"),
    }
    return {name: train.difference(frame, *pair) for name, pair in pairs.items()}
