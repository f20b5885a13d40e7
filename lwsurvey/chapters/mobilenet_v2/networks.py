"""The networks of the chapter's experiments, by name, and what they cost."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from itertools import count, pairwise

import pandas as pd
import torch
from torch import Tensor, nn

from lwsurvey.models import small
from lwsurvey.models.blocks import (
    BasicBlock,
    Bottleneck,
    DepthwiseSeparable,
    InvertedResidual,
    Residual,
    norm_relu,
)

Make = Callable[[], nn.Module]

JOINS = {"narrow": "project", "expanded": "expand", "filtered": "depthwise", "none": None}
"""Which layers' outputs the shortcuts join: the narrow ends, as MobileNet V2; the wide outputs
of the expansions; those of the depthwise convolutions; none."""

MACS = 240_000
"""Of the networks of the ablations."""

BUDGETS = (160_000, MACS, 360_000)
"""Of the three families; their smallest is about what ShuffleNet's least width needs."""

EXPANSIONS = (1, 3, 6, 15)
RIVALS = {"V1": small.mobilenet_v1, "ShuffleNet V1": small.shufflenet_v1}
WIDE, DEEP_WIDTH = 32, 8
"""Widths of ResNet's blocks and of the deep stacks at 7 x 7."""

DEEP = 4 * small.UNITS
"""Units of a stage at four times the depth of `lwsurvey.models.small`."""

SLIM = "t = 1, same widths"


class Chain(nn.Sequential):
    """A small MobileNet V2 as one row of layers, in which shortcuts join what one likes.

    Inverted residuals in a row are expand, filter, project, expand, filter, project, and so on.
    Where one block ends and the next begins is a matter of brackets; what the brackets decide is
    which tensors the shortcuts add. Here the layers, their order and their initial weights stay,
    and only the additions move.

    With its default options it is ``small.mobilenet_v2``. As there, the first unit does not
    expand; with ``t`` = 1 the others keep a 1 x 1 convolution from N to N, so that the
    expansion changes the width of the middle and nothing else.

    Args:
        width: channels at 7 x 7.
        t: expansion, 1 or more.
        late: channels at 4 x 4; ``2 * width`` if not given.
        join: of `JOINS`.
        linear: no activation after the projections.
        depthwise_activation: an activation after the depthwise convolutions.

    Raises:
        ValueError: a size that is not positive, or an unknown join.
    """

    def __init__(
        self, width: int, t: int = 6, *, late: int | None = None, join: str = "narrow",
        linear: bool = True, depthwise_activation: bool = True,
    ) -> None:  # fmt: skip
        if join not in JOINS:
            raise ValueError(f"join is one of {', '.join(JOINS)}, not {join!r}")
        place = count()

        def unit(N: int, M: int, stride: int) -> InvertedResidual:
            expands = next(place) > 0
            return InvertedResidual(
                N, M, hidden=t * N if expands else N, stride=stride, shortcut=False,
                linear=linear, depthwise_activation=depthwise_activation, always_expand=expands,
            )  # fmt: skip

        super().__init__(OrderedDict(small.plan(unit, width, late).named_children()))
        self.role = JOINS[join]
        self.joins = [
            place
            for place, pair in enumerate(pairwise(units(self)), start=1)
            if self.role and _joinable(*pair, self.role)
        ]
        """Places of the units to which the unit before brings something."""

    def forward(self, x: Tensor) -> Tensor:
        x = kept = self.stem(x)
        for place, unit in enumerate(units(self)):
            for role in ("expand", "depthwise", "project"):
                layer = getattr(unit, role)
                if role != self.role:
                    x = layer(x)
                    continue
                x = kept = _add(layer, x, kept, role) if place in self.joins else layer(x)
        return self.head(x)


def _add(layer: nn.Sequential, x: Tensor, kept: Tensor, role: str) -> Tensor:
    """Add before a layer's activation, as in ResNet, but behind that of a projection.

    So the shortcut between narrow ends stays linear where a projection has an activation.
    """
    return layer(x) + kept if role == "project" else layer[2:](layer[:2](x) + kept)


def _joinable(before: InvertedResidual, unit: InvertedResidual, role: str) -> bool:
    """Whether a layer has the same output shape in two neighbours: channels, and no stride."""
    source, target = getattr(before, role), getattr(unit, role)
    between = before if role == "expand" else unit
    same = len(source) > 0 and source[0].out_channels == target[0].out_channels
    return same and between.depthwise[0].stride == (1, 1)


def units(net: nn.Module) -> list[nn.Module]:
    """The units of a network of the small plan, first to last."""
    return [*net.early, *net.late]


def wirings(width: int, seed: int) -> dict[str, Chain]:
    """A `Chain` for each of `JOINS`, all from the same state of torch's generator.

    Args:
        width: channels at 7 x 7.
        seed: of the weights.
    """
    nets = {}
    for join in JOINS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            nets[join] = Chain(width, join=join)
    return nets


def inverted(**options: object) -> Chain:
    """The small MobileNet V2 (`Chain`) of the ablations, other wiring at will."""
    net = small.match_macs(Chain, MACS)
    width, late = (stage[0].project[0].out_channels for stage in (net.early, net.late))
    return Chain(width, late=late, **options)


def separable(depthwise_activation: bool = True) -> nn.Module:
    """The small MobileNet V1 at `MACS`, or without its ReLU behind the depthwise layers."""
    net = small.match_macs(small.mobilenet_v1, MACS)
    for block in net.modules():
        if isinstance(block, DepthwiseSeparable) and not depthwise_activation:
            block.after_depthwise = block.after_depthwise[0]
    return net


def ablations() -> dict[str, Make]:
    """One small MobileNet V2 in its seven states, and V1 in two; by name."""
    states = {
        "V2": {}, "no shortcuts": {"join": "none"},
        "wide, expanded": {"join": "expanded"}, "wide, filtered": {"join": "filtered"},
        "ReLU6 projection": {"linear": False},
        "no ReLU6 after 3 x 3": {"depthwise_activation": False},
        SLIM: {"t": 1},
    }  # fmt: skip
    made: dict[str, Make] = {name: partial(inverted, **how) for name, how in states.items()}
    return made | {"V1": separable, "V1, no ReLU after 3 x 3": partial(separable, False)}


def sweep() -> dict[str, Make]:
    """Expansions at equal MACs, but for 6, which `ablations` have."""
    return {f"t = {t}": partial(small.match_macs, Chain, MACS, t=t) for t in EXPANSIONS if t != 6}


def families() -> dict[str, Make]:
    """Three families at three budgets, but for what `ablations` have."""
    made = {
        f"{name}, {macs}": partial(small.match_macs, build, macs)
        for macs in BUDGETS
        for name, build in ({"V2": Chain} | RIVALS).items()
    }
    return {k: make for k, make in made.items() if k not in (f"V2, {MACS}", f"V1, {MACS}")}


def residual_stack(narrow: bool) -> nn.Sequential:
    """ResNet's bottlenecks (a quarter of the width inside), or its pairs of 3 x 3 layers.

    A unit of stride 2 has no shortcut in either, so that the two differ in the branch alone.
    """

    def unit(N: int, M: int, stride: int) -> nn.Module:
        if narrow:
            return Bottleneck(N, max(1, M // 4), M=M, stride=stride, projection=False)
        return BasicBlock(N, M, stride, projection=False)

    return small.plan(unit, WIDE, stem=WIDE)


def residuals() -> dict[str, Make]:
    """ResNet's two kinds of block at the same outer width."""
    kinds = {"bottlenecks": True, "pairs of 3 x 3": False}
    return {name: partial(residual_stack, narrow) for name, narrow in kinds.items()}


def separable_stack(shortcut: bool, norm: bool = True) -> nn.Sequential:
    """MobileNet V1's units in a row, four times as many as in the small networks.

    Args:
        shortcut: the input of a unit is added where the shapes allow.
        norm: False leaves the normalisations out, as in VGG.
    """
    after = norm_relu if norm else (lambda channels: nn.ReLU())

    def unit(N: int, M: int, stride: int) -> nn.Module:
        pair = DepthwiseSeparable(N, M, stride=stride, after=after)
        added = shortcut and stride == 1 and N == M
        return Residual(pair, nn.Identity() if added else None, relu=False)

    return small.plan(unit, DEEP_WIDTH, stem=DEEP_WIDTH, units=DEEP)


def stacks(norm: bool = True) -> dict[str, Make]:
    """`separable_stack` with and without shortcuts."""
    kinds = {"deep, shortcuts": True, "deep, no shortcuts": False}
    return {name: partial(separable_stack, shortcut, norm) for name, shortcut in kinds.items()}


def drift(costs: pd.DataFrame) -> float:
    """Largest relative distance of the MACs of `sweep` and `families` from what they should be.

    Args:
        costs: of these variants, as `small.costs` gives it; others are left out.
    """
    wanted = {name: MACS for name in sweep()}
    wanted |= {name: int(name.split(", ")[1]) for name in families()}
    return float((costs.MACs[list(wanted)] / pd.Series(wanted) - 1).abs().max())
