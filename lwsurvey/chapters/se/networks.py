"""Small bare networks of four families, with a `Slot` wherever a block could be put.

All have the plan of ``lwsurvey.models.small`` and differ in the unit. A network is drawn bare and
the blocks are put into its slots afterwards, so that for one seed all that is put into it, and
the bare network too, begins with the same weights outside the slots.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from lwsurvey.models import small
from lwsurvey.models.blocks import DepthwiseSeparable, InvertedResidual, norm_relu, same_convolution
from lwsurvey.models.editing import replace

PLACES = ("before", "inside", "behind")
"""Where in an inverted residual: before the expansion, behind the depthwise layer, behind the
projection; all of them within the shortcut."""


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


def filled(bare: nn.Module, make: Callable[[Slot], nn.Module]) -> nn.Module:
    """A copy with a block in each slot; the blocks draw their weights now."""
    return replace(bare, Slot, make)


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
    return small.plan(Residual, width)


class Residual(nn.Module):
    """Two 3 x 3 convolutions with a shortcut, a 1 x 1 convolution where the shape changes."""

    def __init__(self, N: int, M: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            same_convolution(N, M, 3, stride), norm_relu(M),
            same_convolution(M, M, 3), nn.BatchNorm2d(M), Slot(M),
        )  # fmt: skip
        new = [same_convolution(N, M, 1, stride), nn.BatchNorm2d(M)]
        self.shortcut = nn.Sequential(*(new if N != M or stride > 1 else []))

    def forward(self, x: Tensor) -> Tensor:
        return (self.shortcut(x) + self.branch(x)).relu()


def inverted(width: int, t: int = 4, place: str = "inside") -> nn.Sequential:
    """MobileNet V3's unit: ReLU in the early stage and h-swish in the late one.

    The first unit does not expand and has no slot, as in V3-Large.

    Args:
        width: channels at 7 x 7.
        t: expansion.
        place: one of `PLACES`.

    Raises:
        ValueError: an unknown place.
    """
    if place not in PLACES:
        raise ValueError(f"place is one of {', '.join(PLACES)}, not {place!r}")
    return small.plan(partial(_inverted, width=width, t=t, place=place), width)


def _inverted(N: int, M: int, stride: int, *, width: int, t: int, place: str) -> InvertedResidual:
    first = N == small.STEM and width == M and stride == 2
    hidden = N if first else t * N
    unit = InvertedResidual(
        N, M, hidden=hidden, stride=stride, activation=nn.ReLU if width == M else nn.Hardswish,
        squeeze=Slot if place == "inside" and not first else None,
    )  # fmt: skip
    if place == "before" and not first:
        unit.expand.insert(0, Slot(N, hidden))
    if place == "behind" and not first:
        unit.project.append(Slot(M, hidden))
    return unit


FAMILIES: dict[str, Callable[[int], nn.Sequential]] = {
    "plain": plain, "residual": residual, "separable": separable, "V3": inverted
}  # fmt: skip
"""Builders of bare networks from their width, by name."""

WIDTHS = {"plain": 12, "residual": 8, "separable": 20, "V3": 12}
"""Channels at 7 x 7 of the networks that are trained. Those of the separable one are a multiple
of 20, at which 1 x 1 and 2 x 2 descriptors can have the same number of weights."""
