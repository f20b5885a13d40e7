"""Three small networks for images of 16 x 16, with or without a nonlinearity in their slim part."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from lwsurvey.models.blocks import Bottleneck, DepthwiseSeparable, InvertedResidual, conv_norm

STRIDES = (1, 2, 1, 1)
"""Strides of the four blocks of each network."""


def inverted_net(width: int, t: int = 6, relu_slim: bool = False) -> nn.Sequential:
    """Four inverted residuals whose slim ends have ``width`` channels; a linear stem.

    Args:
        width: channels between the blocks.
        t: expansion; a block expands by a 1 x 1 convolution with ``t`` = 1 too.
        relu_slim: ReLU6 after the projections.
    """
    blocks = [
        InvertedResidual(
            width, width, hidden=t * width, stride=s, linear=not relu_slim, always_expand=True
        )
        for s in STRIDES
    ]
    return _network(conv_norm(1, width, 3, 2), blocks, width)


def bottleneck_net(ends: int, slim: int, relu_slim: bool = True) -> nn.Sequential:
    """Four ResNet bottleneck blocks between ``ends`` channels.

    Args:
        ends: channels between the blocks.
        slim: channels inside the blocks.
        relu_slim: ReLU6 inside the blocks.
    """
    activation = nn.ReLU6 if relu_slim else nn.Identity
    blocks = [
        Bottleneck(ends, slim, stride=s, projection=False, activation=activation) for s in STRIDES
    ]
    for block, stride in zip(blocks, STRIDES, strict=True):
        block.shortcut = nn.AvgPool2d(stride)  # fits the input to the sum without weights
    return _network(conv_norm(1, ends, 3, 2, activation=nn.ReLU6), blocks, ends)


def separable_net(width: int) -> nn.Sequential:
    """Four depthwise separable blocks of ``width`` channels, as in MobileNet V1."""

    def after(channels: int) -> nn.Sequential:
        return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU6())

    blocks = [DepthwiseSeparable(width, width, stride=s, after=after) for s in STRIDES]
    return _network(conv_norm(1, width, 3, 2, activation=nn.ReLU6), blocks, width)


def _network(stem: nn.Module, blocks: list[nn.Module], width: int) -> nn.Sequential:
    head = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10))
    return nn.Sequential(OrderedDict(stem=stem, blocks=nn.Sequential(*blocks), head=head))
