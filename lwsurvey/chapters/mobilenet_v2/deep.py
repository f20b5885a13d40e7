"""Deep rows of MobileNet V1's units with and without shortcuts, and ResNet's two kinds of block."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from lwsurvey.models.blocks import DepthwiseSeparable, Head, norm_relu, same_convolution
from lwsurvey.models.small import UNITS

DEEP = 4 * UNITS
"""Units of a stage at four times the depth of `lwsurvey.models.small`."""


class Joined(nn.Module):
    """A branch to which its input is added where the shapes allow, then perhaps a ReLU.

    Args:
        branch: anything that keeps the shape, if ``shortcut``.
        shortcut: add the input.
        relu: after the sum.
    """

    def __init__(self, branch: nn.Module, shortcut: bool, relu: bool = False) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut
        self.last = nn.ReLU() if relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out = self.branch(x)
        return self.last(x + out if self.shortcut else out)


Unit = Callable[[int, int, int], nn.Module]


def stack(unit: Unit, units: int, width: int, stem: int | None = None) -> nn.Sequential:
    """A network of two stages, at 7 x 7 and 4 x 4 with twice the width.

    Args:
        unit: makes a unit from its input channels, output channels and stride.
        units: of a stage; the first has stride 2.
        width: channels at 7 x 7.
        stem: channels of the first convolution; ``width`` if not given.

    Raises:
        ValueError: a stage without unit.
    """
    if units < 1:
        raise ValueError(f"a stage has one unit or more, not {units}")
    N = stem or width
    network = nn.Sequential()
    network.stem = nn.Sequential(same_convolution(1, N, 3, stride=2), norm_relu(N))
    made = []
    for M in (width, 2 * width):
        made += [unit(N, M, 2), *(unit(M, M, 1) for _ in range(units - 1))]
        N = M
    network.units = nn.Sequential(*made)
    network.head = Head(N, 10)
    return network


def units_of(net: nn.Module) -> Sequence[nn.Module]:
    """The units of a `stack`, first to last."""
    return list(net.units)


def separable_stack(
    width: int, *, shortcut: bool, units: int = DEEP, norm: bool = True
) -> nn.Sequential:
    """MobileNet V1's units in a row, with the input added or not where the shapes allow.

    Args:
        width: channels at 7 x 7.
        shortcut: the seed's residual connections.
        units: of a stage.
        norm: False leaves the normalisations out, as in VGG.
    """
    after = norm_relu if norm else (lambda channels: nn.ReLU())

    def unit(N: int, M: int, stride: int) -> nn.Module:
        branch = DepthwiseSeparable(N, M, stride=stride, after=after)
        return Joined(branch, shortcut and stride == 1 and N == M)

    return stack(unit, units, width)


def residual_stack(width: int, *, narrow: bool, units: int = UNITS) -> nn.Sequential:
    """ResNet's bottlenecks (a quarter of the width inside), or its pairs of 3 x 3 layers.

    A unit of stride 2 has no shortcut in either, so that the two differ in the branch alone.
    """

    def unit(N: int, M: int, stride: int) -> nn.Module:
        branch = _bottleneck(N, M, stride) if narrow else _pair(N, M, stride)
        return Joined(branch, stride == 1 and N == M, relu=True)

    return stack(unit, units, width)


def _bottleneck(N: int, M: int, stride: int) -> nn.Module:
    B = max(1, M // 4)
    return nn.Sequential(
        same_convolution(N, B, 1), norm_relu(B),
        same_convolution(B, B, 3, stride), norm_relu(B),
        same_convolution(B, M, 1), nn.BatchNorm2d(M),
    )  # fmt: skip


def _pair(N: int, M: int, stride: int) -> nn.Module:
    return nn.Sequential(
        same_convolution(N, M, 3, stride), norm_relu(M),
        same_convolution(M, M, 3), nn.BatchNorm2d(M),
    )  # fmt: skip
