"""The chapter's networks for images of 28 x 28: one row of layers in four wirings, deep stacks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import count, pairwise

from torch import Tensor, nn

from lwsurvey.models import blocks, small
from lwsurvey.models.blocks import DepthwiseSeparable, InvertedResidual

Make = Callable[[], nn.Module]

JOINS = {"bottleneck": "project", "expansion": "expand", "depthwise": "depthwise", "none": None}
"""Layers whose outputs the shortcuts join; MobileNet V2 joins its linear bottlenecks."""

DEEP = 4 * small.UNITS
"""Units of a stage at four times the depth of `lwsurvey.models.small`."""


class Chain(nn.Sequential):
    """A small MobileNet V2 as one row of layers, whose shortcuts join what one likes.

    The layers, their order and their initial weights stay; only the additions move. With its
    default options it is ``small.mobilenet_v2``. As there, the first unit does not expand; with
    ``t`` = 1 the others keep a 1 x 1 convolution from N to N, so that the depth is the same.

    Args:
        width: channels at 7 x 7.
        t: expansion, 1 or more.
        late: channels at 4 x 4; ``2 * width`` if not given.
        join: one of `JOINS`.
        linear: whether no activation follows the projections.
        depthwise_activation: whether one follows the depthwise convolutions.

    Raises:
        ValueError: a size that is not positive, or an unknown join.
    """

    def __init__(
        self, width: int, t: int = 6, *, late: int | None = None, join: str = "bottleneck",
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
        # Places of the units to which the unit before them adds something.
        pairs = enumerate(pairwise(units(self)), start=1)
        self.joins = [k for k, pair in pairs if self.role and joinable(*pair, self.role)]

    def forward(self, x: Tensor) -> Tensor:
        x = kept = self.stem(x)  # (batch, channels, H, W)
        for place, unit in enumerate(units(self)):
            for role in ("expand", "depthwise", "project"):
                layer = getattr(unit, role)
                if role != self.role:
                    x = layer(x)
                    continue
                x = kept = add(layer, x, kept, role) if place in self.joins else layer(x)
        return self.head(x)


def add(layer: nn.Sequential, x: Tensor, kept: Tensor, role: str) -> Tensor:
    """Add before a layer's activation, as ResNet does, but behind that of a projection."""
    return layer(x) + kept if role == "project" else layer[2:](layer[:2](x) + kept)


def joinable(before: InvertedResidual, unit: InvertedResidual, role: str) -> bool:
    """Whether a layer has the same output shape in two neighbours: channels, and no stride."""
    source, target = getattr(before, role), getattr(unit, role)
    between = before if role == "expand" else unit
    same = len(source) > 0 and source[0].out_channels == target[0].out_channels
    return same and between.depthwise[0].stride == (1, 1)


def units(net: nn.Module) -> list[nn.Module]:
    """The units of a network of the small plan, first to last."""
    return [*net.early, *net.late]


def separable(width: int, late: int, depthwise_activation: bool = True) -> nn.Module:
    """The small MobileNet V1 with, or without, a ReLU after its depthwise convolutions."""
    net = small.mobilenet_v1(width, late=late)
    for block in net.modules():
        if isinstance(block, DepthwiseSeparable) and not depthwise_activation:
            block.after_depthwise = block.after_depthwise[0]
    return net


def residual_stack(bottleneck: bool, width: int = 32) -> nn.Sequential:
    """ResNet's bottlenecks (a quarter of the width inside), or its pairs of 3 x 3 convolutions.

    A unit of stride 2 has no shortcut in either, so that the two differ in the branch alone.
    """

    def unit(N: int, M: int, stride: int) -> nn.Module:
        if bottleneck:
            return blocks.Bottleneck(N, M // 4, M=M, stride=stride, projection=False)
        return blocks.BasicBlock(N, M, stride, projection=False)

    return small.plan(unit, width, stem=32)


def separable_stack(shortcut: bool, norm: bool = True, width: int = 8) -> nn.Sequential:
    """MobileNet V1's units in a row, four times as many as in the small networks.

    Args:
        shortcut: whether the input of a unit is added where the shapes allow.
        norm: whether there are normalisations; VGG has none.
        width: channels at 7 x 7, twice as many at 4 x 4.
    """
    after = blocks.norm_relu if norm else (lambda channels: nn.ReLU())

    def unit(N: int, M: int, stride: int) -> nn.Module:
        pair = DepthwiseSeparable(N, M, stride=stride, after=after)
        added = shortcut and stride == 1 and N == M
        return blocks.Residual(pair, nn.Identity() if added else None, relu=False)

    return small.plan(unit, width, stem=width, units=DEEP)
