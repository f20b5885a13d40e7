"""Closed forms against real layers, SymPy against integers, and counts of whole networks."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from lwsurvey import cost
from lwsurvey.cost import closed_form
from lwsurvey.models import zoo
from lwsurvey.models.blocks import (
    DepthwiseSeparable,
    same_convolution,
)

SMALL = st.integers(1, 6)
SIDES = st.tuples(st.integers(1, 5), st.integers(1, 5))
LETTERS = sympy.symbols("N M K H W G", positive=True, integer=True)


@settings(max_examples=150, deadline=None)
@given(n=SMALL, m=SMALL, G=SMALL, K=SIDES, stride=st.integers(1, 3), padding=st.integers(0, 2),
       size=st.tuples(st.integers(1, 12), st.integers(1, 12)))  # fmt: skip
def test_a_convolution_does_what_its_closed_form_says(n, m, G, K, stride, padding, size):
    assume(all(s + 2 * padding >= k for s, k in zip(size, K, strict=True)))
    layer = nn.Conv2d(n * G, m * G, K, stride, padding, groups=G, bias=False)
    H, W = (cost.output_size(s, k, stride, padding) for s, k in zip(size, K, strict=True))
    form = cost.convolution(n * G, m * G, K, H, W, G)
    assert tuple(layer(torch.zeros(1, n * G, *size)).shape) == (1, m * G, H, W)
    assert cost.multiplications(layer, *size) == form.macs
    assert cost.count(layer, (1, n * G, *size)) == form
    assert form.macs * G == cost.convolution(n * G, m * G, K, H, W).macs


@settings(max_examples=60, deadline=None)
@given(N=SMALL, M=SMALL, K=st.sampled_from([1, 3, 5]), stride=st.integers(1, 2),
       size=st.integers(1, 10), layers=st.integers(1, 3))  # fmt: skip
def test_composed_forms_equal_real_modules(N, M, K, stride, size, layers):
    side = cost.output_size(size, K, stride, K // 2)
    block = DepthwiseSeparable(N, M, K, stride)
    assert cost.count(block, (1, N, size, size)) == cost.separable(N, M, K, side, side)
    stack = nn.Sequential(*[same_convolution(N, N, K) for _ in range(layers)])
    assert cost.count(stack, (1, N, size, size)) == cost.stacked(N, K, layers, size, size)
    neck = nn.Sequential(
        same_convolution(N, M, 1), same_convolution(M, M, K, stride), same_convolution(M, N, 1)
    )
    form = cost.bottleneck(N, M, N, K, side, side, size_in=(size, size))
    assert cost.count(neck, (1, N, size, size)) == form
    column = nn.Conv2d(N, M, (K, 1), padding=(K // 2, 0), bias=False)
    pair = nn.Sequential(column, nn.Conv2d(M, N, (1, K), padding=(0, K // 2), bias=False))
    assert cost.count(pair, (1, N, size, size)) == cost.asymmetric(N, M, N, K, size, size)


@given(st.lists(SMALL, min_size=6, max_size=6))
def test_symbols_and_integers_share_their_formulas(numbers):
    values = dict(zip(LETTERS, numbers, strict=True))
    N, M, K, H, W, G = LETTERS
    n, m, k, h, w, g = numbers
    same = {
        cost.convolution(N * G, M * G, K, H, W, G): cost.convolution(n * g, m * g, k, h, w, g),
        cost.depthwise(N, K, H, W, G): cost.depthwise(n, k, h, w, g),
        cost.pointwise(N, M, H, W): cost.pointwise(n, m, h, w),
        cost.separable(N, M, K, H, W): cost.separable(n, m, k, h, w),
        cost.bottleneck(N, M, G, K, H, W): cost.bottleneck(n, m, g, k, h, w),
        cost.asymmetric(N, M, G, K, H, W): cost.asymmetric(n, m, g, k, h, w),
        cost.stacked(N, K, G, H, W): cost.stacked(n, k, g, h, w),
    }
    for form, number in same.items():
        assert form.macs.subs(values) == number.macs
        assert form.parameters.subs(values) == number.parameters
    size = cost.output_size(H + K, K, G, M)
    assert size.subs(values) == cost.output_size(h + k, k, g, m)


def test_the_ratio_comes_out_of_the_algebra():
    N, M, K, H, W, _ = LETTERS
    ratio = cost.separable(N, M, K, H, W).macs / cost.convolution(N, M, K, H, W).macs
    assert sympy.simplify(ratio - (1 / M + 1 / K**2)) == 0
    assert sympy.simplify(ratio - (1 / N + 1 / K**2)) != 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cost.convolution(6, 8, 3, 5, 5, 4), "G = 4 groups do not divide N = 6"),
        (lambda: cost.convolution(8, 6, 3, 5, 5, 4), "G = 4 groups do not divide M = 6"),
        (lambda: cost.convolution(8, 0, 3, 5, 5), "M must be a positive integer, it is 0"),
        (lambda: cost.pointwise(8, 8, 2.5, 5), "H must be a positive integer, it is 2.5"),
        (lambda: cost.depthwise(-3, 3, 5, 5), "N must be a positive integer, it is -3"),
        (lambda: cost.depthwise(True, 3, 5, 5), "N must be a positive integer"),
        (lambda: cost.convolution(8, 8, (3, 3, 3), 5, 5), "one side or two, not 3"),
        (lambda: cost.stacked(8, 3, 0, 5, 5), "layers must be a positive integer"),
        (lambda: cost.convolution(-sympy.Symbol("N", positive=True), 8, 3, 5, 5), "N must be pos"),
        (lambda: cost.output_size(4, 7, 1, 1), "a kernel of 7 does not fit"),
        (lambda: cost.output_size(4, 3, 1, -1), "padding must not be negative"),
        (lambda: cost.scaled(32, 0.7), "0.7 x 32 = 22.4 is not whole"),
        (lambda: cost.scaled(32, 0), "the multiplier must be positive"),
        (lambda: cost.multiplications(nn.Conv2d(1, 1, 3, padding="same"), 5, 5), "numeric"),
        (lambda: cost.reach(nn.Conv2d(1, 1, 1), 1, 4), "size must be odd"),
        (lambda: zoo.from_timm("mobilenetv1_10O"), "mobilenetv1_100"),
        (lambda: zoo.from_torchvision("mobilenet_v22"), "mobilenet_v2"),
    ],
)
def test_bad_input_says_what_was_wrong(call, message):
    with pytest.raises(ValueError, match=r".+") as error:
        call()
    assert message in str(error.value)


@given(st.integers(1, 64), st.sampled_from([0.25, 0.5, 0.75, Fraction(5, 7)]))
def test_a_multiplier_gives_whole_numbers_or_an_error(size, multiplier):
    exact = Fraction(multiplier) * size
    if exact.denominator == 1:
        assert cost.scaled(size, multiplier) == exact
    else:
        with pytest.raises(ValueError, match="not whole"):
            cost.scaled(size, multiplier)


def test_mobilenet_v1_in_closed_form_is_timms():
    network = zoo.from_timm("mobilenetv1_100")
    assert closed_form.mobilenet_v1().macs == cost.count(network, (1, 3, 224, 224)).macs
    layers = cost.by_layer(network, (1, 3, 224, 224))
    weights = layers.parameters.sum() - 1000  # the classifier's biases
    assert closed_form.mobilenet_v1().parameters == weights
    assert closed_form.mobilenet_v1(rows=160).macs == cost.count(network, (1, 3, 160, 160)).macs
    wide = zoo.from_timm("mobilenetv1_125")
    assert closed_form.mobilenet_v1(1.25).macs == cost.count(wide, (1, 3, 224, 224)).macs


def test_layers_add_up_and_a_layer_used_twice_counts_twice():
    network = zoo.from_torchvision("squeezenet1_0")
    layers = cost.by_layer(network, (1, 3, 64, 64))
    assert layers.macs.sum() == cost.count(network, (1, 3, 64, 64)).macs
    layer = nn.Conv2d(4, 4, 3, padding=1, bias=False)
    twice = cost.by_layer(nn.Sequential(layer, layer), (1, 4, 5, 5))
    assert twice.macs.tolist() == [cost.convolution(4, 4, 3, 5, 5).macs] * 2


def test_counting_leaves_the_module_alone():
    block = DepthwiseSeparable(4, 6, after=nn.BatchNorm2d).train()
    before = {name: value.clone() for name, value in block.state_dict().items()}
    cost.by_layer(block, (1, 4, 5, 5))
    cost.count(block, (1, 4, 5, 5))
    assert block.training and not any(m._forward_hooks for m in block.modules())
    assert all(torch.equal(before[name], value) for name, value in block.state_dict().items())


def test_reach_sees_channels_and_pixels():
    seen = cost.reach(nn.Conv2d(6, 6, 3, padding=1, groups=3), N=6, size=5)
    assert seen.shape == (6, 6, 5, 5)
    expected = torch.zeros(6, 6, dtype=torch.bool)
    for g in range(3):
        expected[2 * g : 2 * g + 2, 2 * g : 2 * g + 2] = True
    assert torch.equal(seen.flatten(2).any(2), expected)
    assert seen[0, 0, 1:4, 1:4].all() and seen[0, 0].sum() == 9
