"""The networks that the chapter trains, V2-like and step by step to V3, and their copies in 8 bits.

Eight bits after training are simulated: every map and every weight lies on a grid. It is the usual
scheme for integer hardware: normalisation is folded into the convolutions; weights have a
symmetric grid for each output channel, maps an affine one for each place in the network, whose
range is the smallest and the largest value seen on some training images. Sums are not rounded, as
32-bit accumulators hold them exactly.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from lwsurvey.models import small
from lwsurvey.models.blocks import InvertedResidual, SqueezeExcitation
from lwsurvey.models.editing import fold_norms, replace

WIDTH = 12
"""Channels at 7 x 7 of all variants."""

PLAIN, SQUEEZED, HARD, SHORT, V3, SOFT = (
    "V2-like", "+ SE", "+ h-swish", "+ short tail", "+ thin stem = V3", "V3, soft"
)  # fmt: skip

Make = Callable[[], nn.Module]

GATES = {nn.SiLU: nn.Sigmoid, nn.Hardswish: nn.Hardsigmoid}
"""Activation -> what it multiplies its input by."""


def network(plain_stem: bool = False, **options: Any) -> nn.Module:
    """`small.mobilenet_v3` of `WIDTH`; equal layers of all variants begin with equal weights.

    Args:
        plain_stem: ReLU in the stem, as the 32-filter stem has it.
        options: of `small.mobilenet_v3`.
    """
    base = int(torch.randint(2**31, ()))
    net = small.mobilenet_v3(WIDTH, **options)
    if plain_stem:
        net.stem[2] = nn.ReLU()
    _redraw(net, base)
    return net


def _redraw(net: nn.Module, base: int) -> None:
    """Draw each layer's weights from a seed of its name, so that layers of one name and one
    shape begin alike in all variants, whatever stands before them."""
    with torch.random.fork_rng(devices=[]):
        for name, part in net.named_modules():
            if hasattr(part, "reset_parameters"):
                torch.manual_seed(base + zlib.crc32(name.encode()))
                part.reset_parameters()


def variants() -> dict[str, Make]:
    """V2-like, then one change after the other up to V3; and V3 with the soft functions."""
    before = dict(plain_stem=True, stem=32)
    steps = {
        PLAIN: before | dict(squeeze=False, activation=nn.ReLU, tail="original"),
        SQUEEZED: before | dict(activation=nn.ReLU, tail="original"),
        HARD: before | dict(tail="original"),
        SHORT: before,
        V3: {},
        SOFT: dict(activation=nn.SiLU, gate=nn.Sigmoid),
    }
    return {name: partial(network, **options) for name, options in steps.items()}


# In 8 bits.


class Gated(nn.Module):
    """``x`` times ``gate(x)``, with the gate as a part of its own, which has its own grid."""

    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


class Rounded(nn.Module):
    """A part whose output is put onto a grid, once its range is known.

    Args:
        part: any module with one tensor as output.
        bits: of the grid.
    """

    def __init__(self, part: nn.Module, bits: int) -> None:
        super().__init__()
        self.part, self.top = part, 2**bits - 1
        # 0 must be on the grid, since padding is exact.
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))
        self.watching = False

    def forward(self, x: Tensor) -> Tensor:
        out = self.part(x)
        if self.watching:
            self.low = torch.minimum(self.low, out.min())
            self.high = torch.maximum(self.high, out.max())
            return out
        return on_grid(out, float(self.low), float(self.high), self.top)


def on_grid(x: Tensor, low: float, high: float, top: int) -> Tensor:
    """Round to an affine grid of ``top + 1`` levels from ``low`` to ``high``, which holds 0."""
    step = max(high - low, 1e-12) / top
    zero = min(top, max(0, round(-low / step)))
    return torch.fake_quantize_per_tensor_affine(x, step, zero, 0, top)


def quantise(net: nn.Module, images: Tensor, bits: int = 8) -> nn.Module:
    """A copy of a trained network that computes on grids; the original stays as it is.

    Args:
        net: built of `lwsurvey.models` parts, on the device of the images.
        images: that set the ranges, shape ``(n, channels, H, W)``.
        bits: of weights and maps, 2 to 8.

    Raises:
        ValueError: a number of bits out of range.
    """
    if not 2 <= bits <= 8:
        raise ValueError(f"a grid has 2 to 8 bits, not {bits}")
    net = open_gates(fold_norms(net))
    for part in net.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            part.weight.data = _weights(part.weight.data, bits)
    for name, part in _leaving(net):
        net.set_submodule(name, Rounded(part, bits))
    net = Rounded(nn.Sequential(Rounded(nn.Identity(), bits), net), bits).eval()
    rounders = [part for part in net.modules() if isinstance(part, Rounded)]
    for part in rounders:
        part.watching = True
    with torch.no_grad():
        net(images)
    for part in rounders:
        part.watching = False
    return net


def open_gates(net: nn.Module) -> nn.Module:
    """A copy in which swish and h-swish are a gate and a product, two steps with a map each."""
    for kind, gate in GATES.items():
        net = replace(net, kind, lambda part, gate=gate: Gated(gate()))
    return net


def _weights(weight: Tensor, bits: int) -> Tensor:
    most = 2 ** (bits - 1) - 1
    scale = weight.flatten(1).abs().amax(1).clamp(min=1e-12) / most
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -most, most)


def _leaving(net: nn.Module) -> list[tuple[str, nn.Module]]:
    """Parts whose outputs are maps in memory: arithmetic, deepest first.

    A convolution that an activation follows keeps its sums, as integer kernels do, unless the
    activation needs its input twice, as a gate does.
    """
    kinds = (nn.Conv2d, nn.Linear, nn.ReLU, nn.Sigmoid, nn.Hardsigmoid, nn.AdaptiveAvgPool2d,
             Gated, SqueezeExcitation, InvertedResidual)  # fmt: skip
    followed = {
        first
        for part in net.modules()
        if isinstance(part, nn.Sequential)
        for first, second in pairwise(child for child in part if not isinstance(child, nn.Identity))
        if isinstance(first, nn.Conv2d | nn.Linear) and isinstance(second, nn.ReLU)
    }
    found = [(n, p) for n, p in net.named_modules() if isinstance(p, kinds) and p not in followed]
    return sorted(found, key=lambda pair: -pair[0].count("."))
