"""Exact counts on real layers and networks, to check closed forms against."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.utils.flop_counter import FlopCounterMode

from lwsurvey.cost.closed_form import Cost


def count(module: nn.Module, shape: Sequence[int]) -> Cost:
    """MACs and parameters of a module, without computing: on PyTorch's ``meta`` device.

    PyTorch's own counter sees the convolutions and matrix products that really run, whatever
    the module's code does; a multiply-accumulate is two of its FLOPs. Additions,
    activations and pooling are not counted.

    Args:
        module: any module; it is not changed, and counted in evaluation mode.
        shape: of the input, such as ``(1, 3, 224, 224)``; the count is for the whole batch.
    """
    copied = _on_meta(module)
    with FlopCounterMode(display=False) as counter:
        copied(torch.empty(*shape, device="meta"))
    return Cost(counter.get_total_flops() // 2, sum(p.numel() for p in module.parameters()))


def by_layer(module: nn.Module, shape: Sequence[int]) -> pd.DataFrame:
    """One row for each convolution and linear layer, in the order of execution.

    Returns:
        Columns ``name``, ``kind`` (``Conv2d`` or ``Linear``), ``N``, ``M``, ``K_h``,
        ``K_w``, ``G``, ``stride`` (of the rows), ``H``, ``W`` (of the output; all but
        ``N`` and ``M`` are 1 for a linear layer), ``macs``, ``parameters`` (with biases).
    """
    copied, rows = _on_meta(module), []
    names = {layer: name for name, layer in copied.named_modules() if isinstance(layer, _COUNTED)}
    counter = FlopCounterMode(display=False)

    def before(layer: nn.Module, _inputs: tuple) -> None:
        rows.append({"name": names[layer], "macs": -counter.get_total_flops() // 2})

    def after(layer: nn.Module, _inputs: tuple, output: Tensor) -> None:
        rows[-1]["macs"] += counter.get_total_flops() // 2
        rows[-1].update(_sizes(layer, output))

    for layer in names:
        layer.register_forward_pre_hook(before)
        layer.register_forward_hook(after)
    with counter:
        copied(torch.empty(*shape, device="meta"))
    return pd.DataFrame(rows)


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


_COUNTED = (nn.Conv2d, nn.Linear)


def _on_meta(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).to("meta").eval()


def _sizes(layer: nn.Module, output: Tensor) -> dict[str, int | str]:
    if isinstance(layer, nn.Linear):
        sizes = (layer.in_features, layer.out_features, 1, 1, 1, 1, 1, 1)
    else:
        channels = (layer.in_channels, layer.out_channels)
        sizes = (*channels, *layer.kernel_size, layer.groups, layer.stride[0], *output.shape[-2:])
    row = dict(zip(("N", "M", "K_h", "K_w", "G", "stride", "H", "W"), sizes, strict=True))
    kind = "Linear" if isinstance(layer, nn.Linear) else "Conv2d"
    return {"kind": kind, **row, "parameters": sum(p.numel() for p in layer.parameters())}
