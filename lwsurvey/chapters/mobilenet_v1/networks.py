"""The small networks that the chapter trains: one MobileNet V1, and copies with one change.

Each changed network is made by drawing the plain one first and replacing parts of it, so that
with one seed all parts that two networks have in common begin with the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from lwsurvey.cost.closed_form import scaled
from lwsurvey.models import small
from lwsurvey.models.blocks import (
    ChannelShuffle,
    DepthwiseSeparable,
    Residual,
    norm_relu,
    same_convolution,
)
from lwsurvey.models.editing import replace

STEM, EARLY, LATE = 24, 32, 64
"""Channels of the first convolution (14 x 14), at 7 x 7 and at 4 x 4, for images of 28 x 28."""

GROUPS = 2
"""Of the grouped pointwise convolutions: half of the MACs."""


def plain(alpha: float = 1.0) -> nn.Sequential:
    """MobileNet V1 in miniature (`lwsurvey.models.small`), for grey images of ten classes.

    Args:
        alpha: width multiplier of every layer, the stem included, as in the paper.

    Raises:
        ValueError: widths that are not whole.
    """
    stem, early, late = (scaled(channels, alpha) for channels in (STEM, EARLY, LATE))
    return small.plan(_pair, early, late, stem=stem)


def _pair(N: int, M: int, stride: int) -> DepthwiseSeparable:
    return DepthwiseSeparable(N, M, stride=stride, after=norm_relu)


def full() -> nn.Module:
    """The twin: one 3 x 3 convolution with normalisation and ReLU for each separable pair."""

    def standard(pair: DepthwiseSeparable) -> nn.Module:
        N, M = pair.pointwise.in_channels, pair.pointwise.out_channels
        return nn.Sequential(same_convolution(N, M, 3, pair.depthwise.stride[0]), norm_relu(M))

    return replace(plain(), DepthwiseSeparable, standard)


def with_shortcuts(net: nn.Module) -> nn.Module:
    """A copy in which the input of every pair of equal shape is added before its last ReLU."""

    def joined(pair: DepthwiseSeparable) -> nn.Module:
        N, M = pair.pointwise.in_channels, pair.pointwise.out_channels
        if N != M or pair.depthwise.stride != (1, 1):
            return pair
        pair.after_pointwise[1] = nn.Identity()
        return Residual(pair, nn.Identity(), relu=True)

    return replace(net, DepthwiseSeparable, joined)


def shortcut() -> nn.Module:
    """`plain` with shortcuts."""
    return with_shortcuts(plain())


def deep() -> nn.Sequential:
    """`plain` with twice as many pairs in each stage; the new ones are the last ones."""
    net = plain()
    for stage, channels in ((net.early, EARLY), (net.late, LATE)):
        stage.extend([_pair(channels, channels, 1) for _ in range(small.UNITS)])
    return net


def deep_shortcut() -> nn.Module:
    """`deep` with shortcuts."""
    return with_shortcuts(deep())


def grouped() -> nn.Sequential:
    """`plain` with pointwise convolutions in two groups, each followed by a shuffle."""
    return _with_pointwise(
        lambda N, M: [same_convolution(N, M, 1, groups=GROUPS), ChannelShuffle(GROUPS)]
    )


def low_rank() -> nn.Sequential:
    """`plain` with each pointwise convolution as two, through `rank` channels."""
    return _with_pointwise(
        lambda N, M: [same_convolution(N, rank(N, M), 1), same_convolution(rank(N, M), M, 1)]
    )


def rank(N: int, M: int) -> int:
    """The most channels ``R`` at which N -> R -> M costs half of N -> M at most."""
    return N * M // (2 * (N + M))


def _with_pointwise(layers: Callable[[int, int], list[nn.Module]]) -> nn.Sequential:
    net = plain()
    for pair in pairs(net):
        N, M = pair.pointwise.in_channels, pair.pointwise.out_channels
        pair.pointwise = nn.Sequential(*layers(N, M))
    return net


def random_windows() -> nn.Sequential:
    """`plain` whose depthwise kernels stay as they were drawn."""
    net = plain()
    for pair in pairs(net):
        pair.depthwise.requires_grad_(False)
    return net


def pairs(net: nn.Module) -> Iterator[DepthwiseSeparable]:
    """The separable pairs of a network, in order."""
    return (part for part in net.modules() if isinstance(part, DepthwiseSeparable))


def shared_weights(a: nn.Module, b: nn.Module) -> int:
    """How many weights of convolutions and classifier two networks share, value for value.

    Two weight tensors are the same if one network has one that equals the other's.
    """
    mine, theirs = ([p for p in net.parameters() if p.dim() > 1] for net in (a, b))
    return sum(p.numel() for p in mine if any(torch.equal(p, q) for q in theirs))


def kernel_cosines(a: nn.Module, b: nn.Module) -> list[float]:
    """Median cosine between the depthwise kernels of two networks, block by block.

    1: they point in the same direction; 0: as far apart as random ones are on average.
    """
    kernels = [
        [pair.depthwise.weight.detach().cpu().flatten(1) for pair in pairs(net)] for net in (a, b)
    ]
    cosines = [torch.cosine_similarity(p, q) for p, q in zip(*kernels, strict=True)]
    return [float(cosine.median()) for cosine in cosines]
