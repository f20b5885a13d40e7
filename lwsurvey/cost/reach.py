"""Which inputs an output of a layer depends on."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


def reach(layer: nn.Module, N: int, size: int) -> Tensor:
    """Which inputs the outputs at the centre of the map depend on, read off gradients.

    Args:
        layer: maps ``(1, N, size, size)`` to ``(1, M, H, W)`` and keeps the map's centre.
        N: input channels.
        size: rows and columns of the input map, odd, so that it has a centre.

    Returns:
        Booleans of shape ``(M, N, size, size)``: does output channel m, at the centre,
        depend on that pixel of input channel n?

    Raises:
        ValueError: ``size`` is even.
    """
    if size % 2 == 0:
        raise ValueError(f"size must be odd, so that the map has a centre; it is {size}")
    layer = copy.deepcopy(layer).double().requires_grad_(False)
    x = torch.randn(1, N, size, size, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    centre = y[0, :, y.shape[2] // 2, y.shape[3] // 2]
    gradients = [torch.autograd.grad(output, x, retain_graph=True)[0][0] for output in centre]
    return torch.stack(gradients) != 0
