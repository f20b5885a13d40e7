"""One forward pass of a network on the meta device, in the terms of a printed table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import pandas as pd
import torch
from torch import Tensor, nn

from lwsurvey import cost
from lwsurvey.models import zoo

Shape = tuple[int, ...]
POOLS = (nn.MaxPool2d, nn.AvgPool2d)


@dataclass(frozen=True)
class Trace:
    """What a network does with one image.

    Attributes:
        layers: the rows of `lwsurvey.cost.profile`, one a call of a layer, and for each its
            ``input`` (shape), ``side`` and ``side_out`` (rows of input and output map; a
            vector is a map of one pixel), ``C`` and ``C_out`` (channels of both), ``K`` and
            ``s`` (side of a square kernel or pooling window, and stride; both 1 for a linear
            layer, which is a 1 x 1 convolution of one pixel), ``weights`` (elements of the
            weight, without bias).
        calls: by dotted path of a module, the shapes of its input and of its output at each
            of its calls; of modules too that compute nothing.
    """

    layers: pd.DataFrame
    calls: dict[str, list[tuple[Shape, Shape]]]

    def inside(self, part: str) -> pd.DataFrame:
        """The layers of a module, itself included."""
        names = self.layers.name
        return self.layers[(names == part) | names.str.startswith(f"{part}.")]

    def weighted(self) -> pd.DataFrame:
        """The convolutions and linear layers."""
        return self.layers[self.layers.N.notna()]


def trace(network: nn.Module, side: int) -> Trace:
    """Trace a network on one image of ``side`` x ``side`` pixels and 3 channels.

    Raises:
        lwsurvey.cost.CostError: the forward pass fails.
        ValueError: a layer takes or gives something else than one map or one vector an image.
    """
    calls: dict[str, list[tuple[Shape, Shape]]] = defaultdict(list)
    hooks = [
        part.register_forward_hook(_noting(calls[name])) for name, part in network.named_modules()
    ]
    try:
        layers = cost.profile(network, (1, 3, side, side)).layers
    finally:
        for hook in hooks:
            hook.remove()
    return Trace(_described(layers, calls, network), dict(calls))


@cache
def library(name: str, side: int = 224) -> Trace:
    """The trace of a network of torchvision or timm, made once; do not change its table.

    Args:
        name: such as ``timm:mobilenetv1_100``.
        side: of the image in pixels.
    """
    return trace(zoo.load(name), side)


def on_meta(make, *arguments: object, **options: object) -> nn.Module:
    """Build a network on the meta device, in evaluation mode."""
    with torch.device("meta"):
        return make(*arguments, **options).eval()


def rows_of(shape: Shape) -> int:
    """Rows of a map; 1 for a vector."""
    return shape[2] if len(shape) == 4 else 1


def _noting(calls: list[tuple[Shape, Shape]]):
    def note(_module: nn.Module, inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor) and inputs and isinstance(inputs[0], Tensor):
            calls.append((tuple(inputs[0].shape), tuple(output.shape)))

    return note


def _described(layers: pd.DataFrame, calls: dict, network: nn.Module) -> pd.DataFrame:
    shapes = {name: iter(seen) for name, seen in calls.items()}
    inputs = [_input(name, next(shapes[name], None)) for name in layers.name]
    modules = [network.get_submodule(name) for name in layers.name]
    windows = [
        _window(*row) for row in zip(modules, inputs, layers.kernel, layers.stride, strict=True)
    ]
    return layers.assign(
        input=inputs,
        side=[rows_of(shape) for shape in inputs],
        side_out=[rows_of(shape) for shape in layers.output],
        C=[shape[1] for shape in inputs],
        C_out=[shape[1] for shape in layers.output],
        K=pd.array([K for K, _ in windows], dtype="Int64"),
        s=pd.array([s for _, s in windows], dtype="Int64"),
        weights=[
            module.weight.numel() if kernel is not None else 0
            for module, kernel in zip(modules, layers.kernel, strict=True)
        ],
    )


def _input(name: str, call: tuple[Shape, Shape] | None) -> Shape:
    if call is None or not {len(shape) for shape in call} <= {2, 4}:
        raise ValueError(
            f"{name or 'the network'} does not turn a map or vector into another; only such"
            " layers can be held against a table"
        )
    return call[0]


def _window(module: nn.Module, shape: Shape, kernel: object, stride: object) -> tuple:
    """Side and stride of a square window, or None where there is none."""
    if kernel == ():
        return 1, 1
    if isinstance(module, POOLS):
        kernel, stride = _pair(module.kernel_size), _pair(module.stride)
    elif isinstance(module, nn.AdaptiveAvgPool2d):
        kernel, stride = (rows_of(shape),) * 2, None  # one position: no stride to speak of
    if kernel is None or kernel[0] != kernel[1]:
        return None, None
    return kernel[0], stride[0] if stride else None


def _pair(value: object) -> tuple[int, int]:
    return tuple(value) if isinstance(value, tuple) else (value, value)
