"""The networks of the chapter's experiments, by name, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
from torch import nn

from lwsurvey.chapters.mobilenet_v2 import deep
from lwsurvey.chapters.mobilenet_v2.networks import Chain
from lwsurvey.models import small
from lwsurvey.models.blocks import DepthwiseSeparable

MACS = 240_000
"""Of the networks of the ablations."""

BUDGETS = (160_000, MACS, 360_000)
"""Of the three families; their smallest is about what ShuffleNet's least width needs."""

EXPANSIONS = (1, 3, 6, 15)
RIVALS = {"V1": small.mobilenet_v1, "ShuffleNet V1": small.shufflenet_v1}
WIDE, DEEP_WIDTH = 32, 8
"""Widths of ResNet's blocks and of the deep stacks at 7 x 7."""

SLIM = "t = 1, same widths"

Make = Callable[[], nn.Module]


def inverted(**options: object) -> nn.Module:
    """The small MobileNet V2 (`Chain`) of the ablations, other wiring at will."""
    width, late = _widths()
    return Chain(width, late=late, **options)


def _widths() -> tuple[int, int]:
    net = small.match_macs(Chain, MACS)
    projections = [layer.convolution.out_channels for layer in net.layers]
    return projections[2], projections[-1]


def separable(filtered: bool = True) -> nn.Module:
    """The small MobileNet V1 at `MACS`, or without its ReLU behind the depthwise layers."""
    net = small.match_macs(small.mobilenet_v1, MACS)
    for block in net.modules():
        if isinstance(block, DepthwiseSeparable) and not filtered:
            block.after_depthwise = block.after_depthwise[0]
    return net


def ablations() -> dict[str, Make]:
    """One small MobileNet V2 in its seven states, and V1 in two; by name."""
    states = {
        "V2": {}, "no shortcuts": {"join": "none"},
        "wide, expanded": {"join": "expanded"}, "wide, filtered": {"join": "filtered"},
        "ReLU6 projection": {"linear": False}, "no ReLU6 after 3 x 3": {"filtered": False},
        SLIM: {"t": 1},
    }  # fmt: skip
    made: dict[str, Make] = {name: partial(inverted, **how) for name, how in states.items()}
    return made | {"V1": separable, "V1, no ReLU after 3 x 3": partial(separable, False)}


def sweep() -> dict[str, Make]:
    """Expansions at equal MACs, but for 6, which `ablations` have."""
    return {f"t = {t}": partial(small.match_macs, Chain, MACS, t=t) for t in EXPANSIONS if t != 6}


def families() -> dict[str, Make]:
    """Three families at three budgets, but for what `ablations` have."""
    builders = {"V2": Chain} | RIVALS
    made = {
        f"{name}, {macs}": partial(small.match_macs, build, macs)
        for macs in BUDGETS
        for name, build in builders.items()
    }
    return {k: make for k, make in made.items() if k not in (f"V2, {MACS}", f"V1, {MACS}")}


def residuals() -> dict[str, Make]:
    """ResNet's two kinds of block at the same outer width."""
    kinds = {"bottlenecks": True, "pairs of 3 x 3": False}
    return {name: partial(deep.residual_stack, WIDE, narrow=how) for name, how in kinds.items()}


def stacks(norm: bool = True) -> dict[str, Make]:
    """MobileNet V1's units at four times the depth."""
    made = {"deep, shortcuts": True, "deep, no shortcuts": False}
    return {
        name: partial(deep.separable_stack, DEEP_WIDTH, shortcut=how, norm=norm)
        for name, how in made.items()
    }


def drift(prices: pd.DataFrame) -> float:
    """Largest relative distance of the MACs of `sweep` and `families` from what they should be.

    Args:
        prices: of these arms, as `small.costs` gives it; others are left out.
    """
    wanted = {name: MACS for name in sweep()}
    wanted |= {name: int(name.split(", ")[1]) for name in families()}
    return float((prices.MACs[list(wanted)] / pd.Series(wanted) - 1).abs().max())
