"""The building blocks of the networks against those of timm and torchvision."""

from __future__ import annotations

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from timm.models._efficientnet_blocks import DepthwiseSeparableConv
from torch import nn
from torchvision.models.resnet import Bottleneck as ResNetBottleneck

from lwsurvey import cost
from lwsurvey.cost.closed_form import Cost
from lwsurvey.models.blocks import (
    Bottleneck,
    ChannelShuffle,
    DepthwiseSeparable,
    channel_shuffle,
    same_convolution,
)


@given(size=st.integers(1, 6), G=st.integers(1, 6))
def test_channel_shuffle_equals_the_libraries(size, G):
    x = torch.arange(2 * size * G * 6.0).reshape(2, size * G, 2, 3)
    shuffled = channel_shuffle(x, G)
    assert torch.equal(shuffled, nn.ChannelShuffle(G)(x))
    assert torch.equal(shuffled, torchvision.models.shufflenetv2.channel_shuffle(x, G))
    assert torch.equal(channel_shuffle(shuffled, size), x)
    assert cost.count(ChannelShuffle(G), x.shape) == Cost(0, 0)


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_separable_equals_timms(stride):
    torch.manual_seed(0)

    def after(channels):
        return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())

    ours = DepthwiseSeparable(8, 12, stride=stride, after=after).eval()
    theirs = DepthwiseSeparableConv(8, 12, 3, stride, pw_act=True, noskip=True).eval()
    copy_weights(ours, theirs)
    x = torch.randn(2, 8, 9, 11)
    torch.testing.assert_close(ours(x), theirs(x))


def test_bottleneck_equals_torchvisions():
    torch.manual_seed(0)
    ours, theirs = Bottleneck(32, 8).eval(), ResNetBottleneck(32, 8).eval()
    copy_weights(ours, theirs)
    x = torch.randn(2, 32, 7, 9)
    torch.testing.assert_close(ours(x), theirs(x))


def test_a_bottleneck_with_a_linear_middle_bends_at_its_end_only():
    torch.manual_seed(0)
    linear = Bottleneck(8, 4, activation=nn.Identity).eval()
    x = torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(linear.branch(2 * x), 2 * linear.branch(x))
    clipped = Bottleneck(8, 4, activation=nn.ReLU6).eval()
    clipped.load_state_dict(linear.state_dict())
    inside = clipped.branch[:3](100 * x)
    assert inside.min() == 0 and inside.max() == 6


def copy_weights(ours: nn.Module, theirs: nn.Module) -> None:
    """Give our block other running statistics than the start's, and then theirs the same."""
    mine, other = ours.state_dict(), theirs.state_dict()
    assert [v.shape for v in mine.values()] == [v.shape for v in other.values()]
    values = [torch.rand_like(v) if v.is_floating_point() else v for v in mine.values()]
    ours.load_state_dict(dict(zip(mine, values, strict=True)))
    theirs.load_state_dict(dict(zip(other, values, strict=True)))


def test_bad_input_says_what_was_wrong():
    with pytest.raises(ValueError, match="4 groups do not divide 6 channels"):
        channel_shuffle(torch.zeros(1, 6, 2, 2), 4)
    with pytest.raises(ValueError, match="K must be odd"):
        same_convolution(4, 4, 2)
