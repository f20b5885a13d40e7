"""Exact counts and dependencies of real layers and networks, to check closed forms against."""

from __future__ import annotations

import copy
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from lwsurvey.cost.closed_form import Cost
from lwsurvey.cost.inputs import Inputs
from lwsurvey.cost.profile import profile


def count(module: nn.Module, inputs: Inputs) -> Cost:
    """MACs and parameters of a module, as `profile` counts them.

    Args:
        module: any module; it is not changed, and counted in evaluation mode.
        inputs: the input's shape, such as ``(1, 3, 224, 224)``; the count is for the whole
            batch.
    """
    counted = profile(module, inputs)
    return Cost(counted.macs, counted.parameters)


def by_layer(module: nn.Module, inputs: Inputs) -> pd.DataFrame:
    """One row for each two-dimensional convolution and each linear map, in order of execution.

    Returns:
        Columns ``name``, ``kind`` (``Conv2d`` or ``Linear``), ``N``, ``M``, ``K_h``,
        ``K_w``, ``G``, ``stride`` (of the rows), ``H``, ``W`` (of the output; all but
        ``N`` and ``M`` are 1 for a linear layer), ``macs``, ``parameters`` (with biases; 0
        where a shared layer is called again).
    """
    layers = profile(module, inputs).layers
    plain = [kernel is not None and len(kernel) in (0, 2) for kernel in layers.kernel]
    return pd.DataFrame([_sizes(row) for row in layers[plain].itertuples()])


def multiplications(layer: nn.Conv2d, H: int, W: int) -> int:
    """Multiplications of a convolution, by running it: an oracle that knows no formula.

    All weights and all inputs, the padding included, are set to one. Then each product is
    one, so that the sum of the outputs is the number of products.

    Args:
        layer: a convolution with numeric padding; it is not changed.
        H: rows of the *input* map.
        W: columns of the input map.
    """
    if isinstance(layer.padding, str):
        raise ValueError(f"padding must be numeric, it is {layer.padding!r}")
    rows, columns = layer.padding
    x = pad(torch.ones(1, layer.in_channels, H, W), (columns, columns, rows, rows), value=1.0)
    weight = torch.ones(layer.weight.shape)
    y = torch.conv2d(x, weight, None, layer.stride, 0, layer.dilation, layer.groups)
    return int(y.sum(dtype=torch.float64))


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


def _sizes(row: Any) -> dict[str, int | str]:
    linear = not row.kernel
    sides = (1, 1, row.G, 1, 1, 1) if linear else (
        *row.kernel, row.G, row.stride[0], *row.map
    )  # fmt: skip
    named = zip(("K_h", "K_w", "G", "stride", "H", "W"), sides, strict=True)
    return {
        "name": row.name,
        "kind": "Linear" if linear else "Conv2d",
        "N": row.N,
        "M": row.M,
        **dict(named),
        "macs": row.macs,
        "parameters": row.parameters,
    }
