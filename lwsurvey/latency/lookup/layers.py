"""The pieces that a network runs as, and modules to time them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from lwsurvey.models.blocks import SqueezeExcitation

Widths = tuple[int, ...]

ACTIVATIONS = ("GELU", "Hardsigmoid", "Hardswish", "ReLU", "ReLU6", "SiLU", "Sigmoid")
"""Activations of ``torch.nn`` that a piece may end with."""


class TableError(ValueError):
    """A table that cannot be made, read or used; the message says why and what to do."""


@dataclass(frozen=True, order=True)
class Layer:
    """What a piece is, but for its widths.

    Attributes:
        kind: a key of `KINDS`.
        batch: images.
        rows, columns: of the map that enters; 1 where none does.
        K, stride, padding, dilation: of a convolution.
        norm: batch normalisation follows.
        bias: of a convolution; the other layers' biases are always there.
        activation: its name in ``torch.nn``, empty if there is none; of squeeze-and-excitation
            the one between its layers.
        gate: of squeeze-and-excitation.
        side: of squeeze-and-excitation's descriptor.
    """

    kind: str
    batch: int
    rows: int = 1
    columns: int = 1
    K: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    norm: bool = False
    bias: bool = False
    activation: str = ""
    gate: str = ""
    side: int = 1

    @property
    def H(self) -> int:
        """Rows of the output map."""
        return self._out(self.rows)

    @property
    def W(self) -> int:
        """Columns of the output map."""
        return self._out(self.columns)

    def _out(self, size: int) -> int:
        if self.kind in ("pooling", "classifier", "linear"):
            return 1
        reach = self.dilation * (self.K - 1)
        return (size + 2 * self.padding - reach - 1) // self.stride + 1

    def __str__(self) -> str:
        size = f"{self.K} x {self.K} " if self.kind in ("convolution", "depthwise") else ""
        after = ", batch norm" * self.norm + f", {self.activation}" * bool(self.activation)
        return f"{size}{self.kind}{after} on {self.rows} x {self.columns}, stride {self.stride}"


class Piece(NamedTuple):
    """A piece of a network.

    Attributes:
        name: of the module that it begins with, or of the operation.
        layer: what it is.
        widths: its channels, as `KINDS` names them.
    """

    name: str
    layer: Layer
    widths: Widths


class _Add(nn.Module):
    """The sum that ends a residual block."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


def _convolution(layer: Layer, N: int, M: int) -> list[nn.Module]:
    return _convolved(layer, N, M, 1)


def _depthwise(layer: Layer, C: int) -> list[nn.Module]:
    return _convolved(layer, C, C, C)


def _convolved(layer: Layer, N: int, M: int, groups: int) -> list[nn.Module]:
    how = (layer.K, layer.stride, layer.padding, layer.dilation, groups, layer.bias)
    return [nn.Conv2d(N, M, *how), *([nn.BatchNorm2d(M)] if layer.norm else [])]


def _squeeze(layer: Layer, C: int, squeezed: int) -> list[nn.Module]:
    delta, gate = getattr(nn, layer.activation), getattr(nn, layer.gate)
    return [SqueezeExcitation(C, squeezed, delta=delta, gate=gate, side=layer.side)]


def _classifier(layer: Layer, N: int, M: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(N, M)]


class Kind(NamedTuple):
    """What a kind of piece is made of.

    Attributes:
        make: its modules without the activation, from a `Layer` and its widths.
        widths: what the widths are called.
    """

    make: Callable[..., list[nn.Module]]
    widths: tuple[str, ...]


KINDS: dict[str, Kind] = {
    "convolution": Kind(_convolution, ("N", "M")),
    "depthwise": Kind(_depthwise, ("N",)),
    "squeeze": Kind(_squeeze, ("N", "squeezed")),
    "addition": Kind(lambda layer, C: [_Add()], ("N",)),
    "activation": Kind(lambda layer, C: [], ("N",)),
    "pooling": Kind(lambda layer, C: [nn.AdaptiveAvgPool2d(1), nn.Flatten()], ("N",)),
    "classifier": Kind(_classifier, ("N", "M")),
    "linear": Kind(lambda layer, N, M: [nn.Linear(N, M)], ("N", "M")),
}
"""The kinds of pieces; ``classifier`` is a pooling with the linear layer behind it."""


def module(layer: Layer, widths: Widths) -> nn.Module:
    """A piece with random weights, in evaluation mode."""
    parts = KINDS[layer.kind].make(layer, *widths)
    if layer.activation and layer.kind != "squeeze":
        parts.append(getattr(nn, layer.activation)())
    return (parts[0] if len(parts) == 1 else _Chain(parts)).eval()


class _Chain(nn.Module):
    """Parts one after the other; the first may have several inputs."""

    def __init__(self, parts: list[nn.Module]) -> None:
        super().__init__()
        self.first, self.rest = parts[0], nn.Sequential(*parts[1:])

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.rest(self.first(*inputs))


def shapes(layer: Layer, widths: Widths) -> list[tuple[int, ...]]:
    """The shapes of a piece's inputs: two for an addition, otherwise one."""
    size = () if layer.kind == "linear" else (layer.rows, layer.columns)
    return [(layer.batch, widths[0], *size)] * (2 if layer.kind == "addition" else 1)
