"""The arms of the chapter's study: bare, with Squeeze-and-Excitation, and controls."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import torch
from torch import nn

from lwsurvey.chapters.se.tables import parameters
from lwsurvey.chapters.se.networks import FAMILIES, WIDTHS, Slot, filled, inverted
from lwsurvey.models.blocks import SqueezeExcitation

Make = Callable[[], nn.Module]

REDUCTION = 4
"""V3's, in all arms that do not say otherwise."""

REDUCTIONS = (2, 4, 16)
POOLED = ("plain", "residual", "separable")
"""The families of the claim that the block helps behind any convolution."""

WIDENED = ("separable", "V3")
"""The families with a wider control: the others get a few per cent more parameters by the block."""


def excitation(slot: Slot, r: int = REDUCTION, gate: Make = nn.Sigmoid) -> SqueezeExcitation:
    """The block for a slot, with as many weights as at the place that the slot names.

    Args:
        slot: where it will stand.
        r: reduction; the weights are ``2 * like**2 / r``, rounded.
        gate: what makes the scores.
    """
    return SqueezeExcitation(slot.C, max(1, round(slot.like**2 / (r * slot.C))), gate=gate)


def local(slot: Slot) -> SqueezeExcitation:
    """`excitation` without the squeeze: every position computes its scores from itself."""
    block = excitation(slot)
    block.squeeze = nn.Identity()
    return block


def described(slot: Slot, r: int = REDUCTION) -> SqueezeExcitation:
    """A block with a 2 x 2 descriptor and as many weights as `excitation`, if 5 r divides C.

    With ``5 k`` channels between its layers a block has ``10 k C`` weights; with four times the
    inputs and ``2 k`` channels it has as many. It has ``3 k`` biases less.
    """
    return SqueezeExcitation(slot.C, 2 * max(1, slot.C // (5 * r)), side=2)


def on(family: str, width: int | None = None) -> nn.Module:
    """A network with the block in all slots; V3 has the hard sigmoid that it is known by."""
    gate = nn.Hardsigmoid if family == "V3" else nn.Sigmoid
    return filled(off(family, width), partial(excitation, gate=gate))


def off(family: str, width: int | None = None) -> nn.Module:
    """The same network with its slots empty."""
    return FAMILIES[family](WIDTHS[family] if width is None else width)


def wider(family: str) -> nn.Module:
    """The narrowest network without the block that has at least the parameters of `on`."""
    return off(family, _wider(family))


@cache
def _wider(family: str) -> int:
    with torch.device("meta"):
        wanted = parameters(on(family))
        width = WIDTHS[family]
        while parameters(off(family, width)) < wanted:
            width += 1
    return width


def gated(**options) -> nn.Module:
    """The V3-like network with another reduction: ``r``."""
    make = partial(excitation, gate=nn.Hardsigmoid, **options)
    return filled(off("V3"), make)


def placed(place: str) -> nn.Module:
    """The V3-like network with its blocks elsewhere, with as many weights as inside."""
    make = partial(excitation, gate=nn.Hardsigmoid)
    return filled(inverted(WIDTHS["V3"], place=place), make)


def unsqueezed() -> nn.Module:
    """The separable network whose blocks do not pool."""
    return filled(off("separable"), local)


def four_means() -> nn.Module:
    """The separable network whose blocks see 2 x 2 means of each channel."""
    return filled(off("separable"), described)


def families() -> dict[str, Make]:
    """With and without the block for each family, and the wider control of `WIDENED`."""
    found: dict[str, Make] = {}
    for family in FAMILIES:
        for make in (on, off, wider) if family in WIDENED else (on, off):
            found[f"{family} {make.__name__}"] = partial(make, family)
    return found


def variations() -> dict[str, Make]:
    """The V3-like network with other reductions and places, the separable one without squeeze.

    And both as they are, ``V3 on`` and ``separable on``, to compare with.
    """
    found: dict[str, Make] = {f"{family} on": partial(on, family) for family in WIDENED}
    found |= {f"r = {r}": partial(gated, r=r) for r in REDUCTIONS if r != REDUCTION}
    found |= {place: partial(placed, place) for place in ("before", "behind")}
    return found | {"separable local": unsqueezed}


def descriptors() -> dict[str, Make]:
    """The separable network with 1 x 1 (the arm ``separable on``) and with 2 x 2 descriptors."""
    return {"1 × 1": partial(on, "separable"), "2 × 2": four_means}
