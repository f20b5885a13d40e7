"""A network in 8 bits after training, simulated: every map and every weight lies on a grid.

The usual scheme for integer hardware: normalisation is folded into the convolutions; weights
have a symmetric grid for each output channel, maps an affine one for each place in the network,
whose range is the smallest and the largest value seen on some training images. Sums are not
rounded, as 32-bit accumulators hold them exactly.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from lwsurvey.models.blocks import InvertedResidual, SqueezeExcitation
from lwsurvey.models.editing import fold_norms, replace

GATES = {nn.SiLU: nn.Sigmoid, nn.Hardswish: nn.Hardsigmoid}
"""Activation -> what it multiplies its input by."""


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


def quantised(net: nn.Module, images: Tensor, bits: int = 8) -> nn.Module:
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
    net = opened(fold_norms(net))
    for part in net.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            part.weight.data = _weights(part.weight.data, bits)
    for name, part in _leaving(net):
        net.set_submodule(name, Rounded(part, bits))
    net = Rounded(nn.Sequential(Rounded(nn.Identity(), bits), net), bits).eval()
    _watch(net, images)
    return net


def opened(net: nn.Module) -> nn.Module:
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
        for first, second in _neighbours(part)
        if isinstance(first, nn.Conv2d | nn.Linear) and isinstance(second, nn.ReLU)
    }
    found = [(n, p) for n, p in net.named_modules() if isinstance(p, kinds) and p not in followed]
    return sorted(found, key=lambda pair: -pair[0].count("."))


def _neighbours(part: nn.Sequential) -> list[tuple[nn.Module, nn.Module]]:
    kept = [child for child in part if not isinstance(child, nn.Identity)]
    return list(pairwise(kept))


@torch.no_grad()
def _watch(net: nn.Module, images: Tensor) -> None:
    rounders = [part for part in net.modules() if isinstance(part, Rounded)]
    for part in rounders:
        part.watching = True
    net(images)
    for part in rounders:
        part.watching = False
