"""The networks of the chapter's study: four small families, bare, with the block, and controls.

All have the plan of ``lwsurvey.models.small`` and differ in the unit. A network is drawn bare,
with a `Slot` wherever a block could be put, and the blocks are put into its slots afterwards, so
that for one seed all that is put into it, and the bare network too, begins with the same weights
outside the slots.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import torch
from torch import nn

from lwsurvey.chapters.se.tables import parameters
from lwsurvey.models import small
from lwsurvey.models.blocks import (
    BasicBlock,
    DepthwiseSeparable,
    InvertedResidual,
    SqueezeExcitation,
    norm_relu,
    same_convolution,
)
from lwsurvey.models.editing import replace

Make = Callable[[], nn.Module]

PLACES = ("before", "inside", "behind")
"""Where in an inverted residual: before the expansion, behind the depthwise layer, behind the
projection; all of them within the shortcut."""

REDUCTION = 4
"""V3's, in all variants that do not say otherwise."""

REDUCTIONS = (2, 4, 16)
POOLED = ("plain", "residual", "separable")
"""The families of the claim that the block helps behind any convolution."""

WIDENED = ("separable", "V3")
"""The families with a wider control: the others get a few per cent more parameters by the block."""


class Slot(nn.Identity):
    """An empty place.

    Args:
        C: channels that pass.
        like: channels of the place whose number of weights a block here should have; ``C`` if
            not given.
    """

    def __init__(self, C: int, like: int | None = None) -> None:
        super().__init__()
        self.C, self.like = C, C if like is None else like


def plain(width: int) -> nn.Sequential:
    """One 3 x 3 convolution a unit, as in VGG."""

    def unit(N: int, M: int, stride: int) -> nn.Module:
        return nn.Sequential(same_convolution(N, M, 3, stride), norm_relu(M), Slot(M))

    return small.plan(unit, width)


def separable(width: int) -> nn.Sequential:
    """MobileNet V1's unit: depthwise, then pointwise."""

    def unit(N: int, M: int, stride: int) -> nn.Module:
        return nn.Sequential(DepthwiseSeparable(N, M, stride=stride, after=norm_relu), Slot(M))

    return small.plan(unit, width)


def residual(width: int) -> nn.Sequential:
    """ResNet's unit of two 3 x 3 convolutions; the slot stands before the sum."""

    def unit(N: int, M: int, stride: int) -> nn.Module:
        block = BasicBlock(N, M, stride)
        block.branch.append(Slot(M))
        if N == M and stride == 1:
            same_convolution(N, M, 1)  # drawn for nothing, as in the recorded edition's units
        return block

    return small.plan(unit, width)


def inverted(width: int, place: str = "inside") -> nn.Sequential:
    """MobileNet V3's unit, expanding by 4: ReLU in the early stage and h-swish in the late one.

    The first unit does not expand and has no slot, as in V3-Large.

    Args:
        width: channels at 7 x 7.
        place: one of `PLACES`.

    Raises:
        ValueError: an unknown place.
    """
    if place not in PLACES:
        raise ValueError(f"place is one of {', '.join(PLACES)}, not {place!r}")

    def unit(N: int, M: int, stride: int) -> nn.Module:
        activation = nn.ReLU if width == M else nn.Hardswish
        if N == small.STEM and width == M and stride == 2:
            return InvertedResidual(N, M, hidden=N, stride=stride, activation=activation)
        made = InvertedResidual(
            N, M, hidden=4 * N, stride=stride, activation=activation,
            squeeze=Slot if place == "inside" else None,
        )  # fmt: skip
        if place == "before":
            made.expand.insert(0, Slot(N, 4 * N))
        if place == "behind":
            made.project.append(Slot(M, 4 * N))
        return made

    return small.plan(unit, width)


FAMILIES: dict[str, Callable[[int], nn.Sequential]] = {
    "plain": plain, "residual": residual, "separable": separable, "V3": inverted
}  # fmt: skip
"""Builders of bare networks from their width, by name."""

WIDTHS = {"plain": 12, "residual": 8, "separable": 20, "V3": 12}
"""Channels at 7 x 7 of the networks that are trained. Those of the separable one are a multiple
of 20, at which 1 x 1 and 2 x 2 descriptors can have the same number of weights."""


def excitation(slot: Slot, r: int = REDUCTION, gate: Make = nn.Sigmoid) -> SqueezeExcitation:
    """The block for a slot, with as many weights as at the place that the slot names.

    Args:
        slot: where it will stand.
        r: reduction; the weights are ``2 * like**2 / r``, rounded.
        gate: what makes the scores.
    """
    return SqueezeExcitation(slot.C, max(1, round(slot.like**2 / (r * slot.C))), gate=gate)


def local_excitation(slot: Slot) -> SqueezeExcitation:
    """`excitation` without the squeeze: every position computes its scores from itself."""
    block = excitation(slot)
    block.squeeze = nn.Identity()
    return block


def grid_excitation(slot: Slot) -> SqueezeExcitation:
    """A block with a 2 x 2 descriptor and as many weights as `excitation`, if 5 r divides C.

    With ``5 k`` channels between its layers a block has ``10 k C`` weights; with four times the
    inputs and ``2 k`` channels it has as many. It has ``3 k`` biases less.
    """
    return SqueezeExcitation(slot.C, 2 * max(1, slot.C // (5 * REDUCTION)), side=2)


def bare(family: str, width: int | None = None) -> nn.Module:
    """A network with its slots empty."""
    return FAMILIES[family](WIDTHS[family] if width is None else width)


def with_se(family: str) -> nn.Module:
    """The same network with the block in all slots; V3 has the hard sigmoid it is known by."""
    gate = nn.Hardsigmoid if family == "V3" else nn.Sigmoid
    return replace(bare(family), Slot, partial(excitation, gate=gate))


def wider(family: str) -> nn.Module:
    """The narrowest network without the block that has at least the parameters of `with_se`."""
    return bare(family, _wider(family))


@cache
def _wider(family: str) -> int:
    with torch.device("meta"):
        wanted = parameters(with_se(family))
        width = WIDTHS[family]
        while parameters(bare(family, width)) < wanted:
            width += 1
    return width


def v3_variant(r: int = REDUCTION, place: str = "inside") -> nn.Module:
    """The V3-like network with another reduction, or with blocks of equal weights elsewhere."""
    make = partial(excitation, r=r, gate=nn.Hardsigmoid)
    return replace(inverted(WIDTHS["V3"], place), Slot, make)


def separable_variant(make: Callable[[Slot], nn.Module]) -> nn.Module:
    """The separable network with other blocks."""
    return replace(bare("separable"), Slot, make)


def families() -> dict[str, Make]:
    """With and without the block for each family, and the wider control of `WIDENED`."""
    found: dict[str, Make] = {}
    for family in FAMILIES:
        makers = {"on": with_se, "off": bare} | ({"wider": wider} if family in WIDENED else {})
        found |= {f"{family} {state}": partial(make, family) for state, make in makers.items()}
    return found


def variations() -> dict[str, Make]:
    """The V3-like network with other reductions and places, the separable one without squeeze.

    And both as they are, ``V3 on`` and ``separable on``, to compare with.
    """
    found: dict[str, Make] = {f"{family} on": partial(with_se, family) for family in WIDENED}
    found |= {f"r = {r}": partial(v3_variant, r=r) for r in REDUCTIONS if r != REDUCTION}
    found |= {place: partial(v3_variant, place=place) for place in ("before", "behind")}
    return found | {"separable local": partial(separable_variant, local_excitation)}


def descriptors() -> dict[str, Make]:
    """The separable network with 1 x 1 (``separable on``) and with 2 x 2 descriptors."""
    return {
        "1 × 1": partial(with_se, "separable"),
        "2 × 2": partial(separable_variant, grid_excitation),
    }
