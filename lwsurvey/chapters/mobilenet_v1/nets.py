"""The small networks that the chapter trains: one MobileNet V1, and copies with one change.

Each changed network is made by drawing the plain one first and replacing parts of it, so that
with one seed all parts that two networks have in common begin with the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor, nn

from lwsurvey.cost.closed_form import scaled
from lwsurvey.models.blocks import (
    ChannelShuffle,
    DepthwiseSeparable,
    Head,
    norm_relu,
    same_convolution,
)

STEM, EARLY, LATE = 24, 32, 64
"""Channels of the first convolution (14 x 14), at 7 x 7 and at 4 x 4, for images of 28 x 28."""

PAIRS = 3
"""Separable pairs of a stage; the first of them has stride 2."""

GROUPS = 2
"""Of the grouped pointwise convolutions: half of the MACs."""


def network(alpha: float = 1.0, classes: int = 10) -> nn.Sequential:
    """MobileNet V1 in miniature: ``stem``, ``early``, ``late`` and ``head``, for grey images.

    Args:
        alpha: width multiplier of every layer, the stem included, as in the paper.
        classes: outputs.

    Raises:
        ValueError: widths that are not whole.
    """
    stem, early, late = (scaled(channels, alpha) for channels in (STEM, EARLY, LATE))
    net = nn.Sequential()
    net.stem = nn.Sequential(same_convolution(1, stem, 3, stride=2), norm_relu(stem))
    net.early = nn.Sequential(_pair(stem, early, 2), *_equal(early, PAIRS - 1))
    net.late = nn.Sequential(_pair(early, late, 2), *_equal(late, PAIRS - 1))
    net.head = Head(late, classes)
    return net


def _pair(N: int, M: int, stride: int = 1) -> DepthwiseSeparable:
    return DepthwiseSeparable(N, M, stride=stride, after=norm_relu)


def _equal(channels: int, pairs: int) -> list[DepthwiseSeparable]:
    return [_pair(channels, channels) for _ in range(pairs)]


def full() -> nn.Sequential:
    """The twin: one 3 x 3 convolution with normalisation and ReLU for each separable pair."""
    return _replaced(network(), _standard)


def _standard(pair: DepthwiseSeparable) -> nn.Module:
    N, M, stride = pair.pointwise.in_channels, pair.pointwise.out_channels, pair.depthwise.stride
    return nn.Sequential(same_convolution(N, M, 3, stride[0]), norm_relu(M))


class Shortcut(nn.Module):
    """A separable pair whose input is added before its last ReLU, as ResNet does.

    Args:
        pair: with equal input and output channels and stride 1; it loses its last ReLU.
    """

    def __init__(self, pair: DepthwiseSeparable) -> None:
        super().__init__()
        pair.after_pointwise[1] = nn.Identity()
        self.pair = pair

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.pair(x)).relu()


def with_shortcuts(net: nn.Sequential) -> nn.Sequential:
    """The network with a `Shortcut` around every pair of equal shape; changed in place."""
    return _replaced(net, lambda pair: Shortcut(pair) if _same_shape(pair) else pair)


def _same_shape(pair: DepthwiseSeparable) -> bool:
    thin = pair.pointwise
    return pair.depthwise.stride == (1, 1) and thin.in_channels == thin.out_channels


def shortcut() -> nn.Sequential:
    """`network` with shortcuts."""
    return with_shortcuts(network())


def deep() -> nn.Sequential:
    """`network` with twice as many pairs in each stage; the new ones are the last ones."""
    net = network()
    net.early.extend(_equal(EARLY, PAIRS))
    net.late.extend(_equal(LATE, PAIRS))
    return net


def deep_shortcut() -> nn.Sequential:
    """`deep` with shortcuts."""
    return with_shortcuts(deep())


def grouped() -> nn.Sequential:
    """`network` with pointwise convolutions in two groups, each followed by a shuffle."""

    def cut(N: int, M: int) -> nn.Module:
        return nn.Sequential(same_convolution(N, M, 1, groups=GROUPS), ChannelShuffle(GROUPS))

    return _with_pointwise(cut)


def low_rank() -> nn.Sequential:
    """`network` with each pointwise convolution as two, through `rank` channels."""

    def cut(N: int, M: int) -> nn.Module:
        R = rank(N, M)
        return nn.Sequential(same_convolution(N, R, 1), same_convolution(R, M, 1))

    return _with_pointwise(cut)


def rank(N: int, M: int) -> int:
    """The most channels ``R`` at which N -> R -> M costs half of N -> M at most."""
    return N * M // (2 * (N + M))


def _with_pointwise(make: Callable[[int, int], nn.Module]) -> nn.Sequential:
    net = network()
    for pair in pairs(net):
        pair.pointwise = make(pair.pointwise.in_channels, pair.pointwise.out_channels)
    return net


def random_windows() -> nn.Sequential:
    """`network` whose depthwise kernels stay as they were drawn."""
    net = network()
    for pair in pairs(net):
        pair.depthwise.requires_grad_(False)
    return net


def pairs(net: nn.Module) -> Iterator[DepthwiseSeparable]:
    """The separable pairs of a network, in order."""
    return (part for part in net.modules() if isinstance(part, DepthwiseSeparable))


def _replaced(net: nn.Sequential, make: Callable[[DepthwiseSeparable], nn.Module]) -> nn.Sequential:
    for stage in (net.early, net.late):
        for place, pair in enumerate(stage):
            stage[place] = make(pair)
    return net
