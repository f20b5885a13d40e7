"""A network cut into the pieces that it runs as."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import fx, nn
from torch.nn import functional as F

from lwsurvey.latency.lookup.layers import ACTIVATIONS, Layer, Piece, TableError
from lwsurvey.models.blocks import SqueezeExcitation

Width = tuple[str, int] | int
"""A module's name and a dimension of its weight; or a number that is the same in all networks."""

_SUMS = {operator.add, operator.iadd, torch.add, "add", "add_"}
_RELUS = {F.relu, torch.relu, "relu", "relu_"}
_FLAT = {torch.flatten, "flatten"}
# What does nothing in evaluation mode.
_SILENT = (nn.Identity, nn.Dropout, nn.Dropout2d)
# Attributes that another width changes and the graph does not depend on.
_WIDTHS = {
    "groups", "in_channels", "in_features", "num_features", "out_channels", "out_features",
    "training",
}  # fmt: skip
_PLAIN = (bool, int, float, str, tuple)
MOST = 512
"""Cuts of networks that are remembered, by structure: tracing takes longer than all the rest."""


class Place(NamedTuple):
    """Where a piece is in a network, and where its widths are read.

    Attributes:
        name: as in `Piece`.
        layer: what it is.
        widths: for each width a module's name and a dimension of its weight, or the number.
    """

    name: str
    layer: Layer
    widths: tuple[Width, ...]


def cut(network: nn.Module, shape: Sequence[int]) -> list[Piece]:
    """The pieces of a network in the order in which they run.

    A convolution, its batch normalisation and its activation are one piece, since the table
    times what runs; squeeze-and-excitation, the sum of a residual block, and the pooling with
    the linear layer behind it are others.

    Args:
        network: sequential or residual, of this book's blocks or of like ones; any device,
            ``meta`` included. Neither run nor changed.
        shape: of its input, ``(batch, channels, rows, columns)``.

    Raises:
        TableError: a part that is none of `KINDS`, or a shape that is none.
    """
    key = tuple(shape), structure(network)
    if key not in _known:
        if len(_known) >= MOST:
            _known.clear()
        _known[key] = _trace(network, key[0])
    return [
        Piece(p.name, p.layer, tuple(_width(network, w) for w in p.widths)) for p in _known[key]
    ]


_known: dict[tuple, tuple[Place, ...]] = {}


def structure(network: nn.Module) -> tuple:
    """What a network's graph depends on: modules and their settings, without the widths."""
    return tuple((name, type(m), *_settings(m)) for name, m in network.named_modules())


def _settings(module: nn.Module) -> list[tuple[str, object]]:
    found = [
        (key, value)
        for key, value in vars(module).items()
        if key[0] != "_" and key not in _WIDTHS and isinstance(value, _PLAIN)
    ]
    if isinstance(module, nn.Conv2d):
        found += [("bias", module.bias is not None), ("depthwise", _depthwise(module)),
                  ("grouped", module.groups > 1)]  # fmt: skip
    return found


def _width(network: nn.Module, width: Width) -> int:
    if isinstance(width, int):
        return width
    name, dimension = width
    return network.get_submodule(name).weight.shape[dimension]


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, SqueezeExcitation) or super().is_leaf_module(m, module_qualified_name)


def _trace(network: nn.Module, shape: tuple[int, ...]) -> tuple[Place, ...]:
    """All pieces in order, found in the graph of a network that is not run."""
    if len(shape) != 4 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise TableError(f"an input has a shape (batch, channels, rows, columns), not {shape}")
    try:
        graph = _Tracer().trace(network)
    except Exception as error:
        raise TableError(
            f"this network cannot be traced, so that its pieces are not known: {error}"
        ) from error
    walk = _Walk(network, shape)
    for node in graph.nodes:
        walk.visit(node)
    return tuple(Place(*piece) for piece in walk.pieces)


class _Walk:
    """Visits the operations; `pieces` are those seen so far, the last of them may still grow."""

    def __init__(self, network: nn.Module, shape: tuple[int, ...]) -> None:
        self.network = network
        self.batch, self.channels, *size = shape
        self.size, self.pieces = tuple(size), []
        # For each operation: the piece that it ends, the map that leaves it, where its width is.
        self.ends: dict[fx.Node, int | None] = {}
        self.maps: dict[fx.Node, tuple[int, int]] = {}
        self.source: dict[fx.Node, Width] = {}

    def visit(self, node: fx.Node) -> None:
        if node.op == "output":
            return
        if node.op == "placeholder":
            self._leave(node, None, self.size, self.channels)
        else:
            self._handler(node)(node)

    def _handler(self, node: fx.Node) -> Callable[[fx.Node], None]:
        if node.op == "call_module":
            part = self.network.get_submodule(node.target)
            for kinds, handler in self._of_modules().items():
                if isinstance(part, kinds):
                    return handler
            if type(part).__name__ in ACTIVATIONS:
                return self._activation
        elif node.op in ("call_function", "call_method"):
            for names, handler in (
                (_SUMS, self._sum), (_RELUS, self._activation), (_FLAT, self._flatten),
            ):  # fmt: skip
                if node.target in names:
                    return handler
        raise self._unknown(node, "no table has such a piece")

    def _of_modules(self) -> dict:
        return {
            nn.Conv2d: self._convolution, nn.BatchNorm2d: self._norm, nn.Linear: self._linear,
            SqueezeExcitation: self._squeeze, nn.AdaptiveAvgPool2d: self._pooling,
            nn.Flatten: self._flatten, _SILENT: self._pass,
        }  # fmt: skip

    def _unknown(self, node: fx.Node, why: str) -> TableError:
        what = str(node.target)
        if node.op == "call_module":
            what += f" ({type(self.network.get_submodule(node.target)).__name__})"
        return TableError(f"{what}: {why}; known are the parts of this book's blocks")

    def _leave(self, node: fx.Node, end: int | None, size: tuple[int, int], at: Width) -> None:
        self.ends[node], self.maps[node], self.source[node] = end, size, at

    def _begin(self, node: fx.Node, kind: str, widths: tuple[Width, ...], **how: object) -> None:
        rows, columns = self.maps[node.args[0]]
        layer = Layer(kind, self.batch, rows, columns, **how)
        name = node.target if node.op == "call_module" else node.name
        self.pieces.append([str(name), layer, widths])
        self._leave(node, len(self.pieces) - 1, (layer.H, layer.W), widths[-1])

    def _pass(self, node: fx.Node) -> None:
        before = node.args[0]
        self._leave(node, self.ends[before], self.maps[before], self.source[before])

    def _open(self, node: fx.Node) -> list | None:
        """The piece before an operation, if nothing else reads what it puts out."""
        before = node.args[0]
        alone = len(before.users) == 1 and self.ends[before] is not None
        return self.pieces[self.ends[before]] if alone else None

    def _join(self, node: fx.Node, piece: list, **how: object) -> None:
        piece[1] = replace(piece[1], **how)
        self._pass(node)

    def _convolution(self, node: fx.Node) -> None:
        part = self.network.get_submodule(node.target)
        square = all(len(set(_pair(x))) == 1 for x in _geometry(part))
        deep = _depthwise(part)
        if not square or part.padding_mode != "zeros" or (part.groups > 1 and not deep):
            raise self._unknown(node, "only square convolutions, dense or depthwise, are timed")
        K, stride, padding, dilation = (_pair(x)[0] for x in _geometry(part))
        widths = ((node.target, 0),) if deep else ((node.target, 1), (node.target, 0))
        kind, bias = "depthwise" if deep else "convolution", part.bias is not None
        how = {"K": K, "stride": stride, "padding": padding, "dilation": dilation}
        self._begin(node, kind, widths, bias=bias, **how)

    def _norm(self, node: fx.Node) -> None:
        piece = self._open(node)
        if not piece or not _bare(piece[1]):
            raise self._unknown(node, "batch normalisation is timed behind a convolution only")
        self._join(node, piece, norm=True)

    def _activation(self, node: fx.Node) -> None:
        called = node.op == "call_module"
        name = type(self.network.get_submodule(node.target)).__name__ if called else "ReLU"
        piece = self._open(node)
        if piece and not piece[1].activation and piece[1].kind not in ("pooling", "squeeze"):
            self._join(node, piece, activation=name)
        else:
            self._begin(node, "activation", (self.source[node.args[0]],), activation=name)

    def _squeeze(self, node: fx.Node) -> None:
        part, first = self.network.get_submodule(node.target), f"{node.target}.fc1"
        delta, gate = type(part.delta).__name__, type(part.gate).__name__
        side = _pair(part.squeeze.output_size)[0]
        if {delta, gate} - set(ACTIVATIONS):
            raise self._unknown(node, f"{delta} and {gate} are not both known activations")
        widths = ((first, 1), (first, 0))
        self._begin(node, "squeeze", widths, activation=delta, gate=gate, side=side)
        self.source[node] = (first, 1)

    def _sum(self, node: fx.Node) -> None:
        if len(node.args) != 2 or not all(isinstance(x, fx.Node) for x in node.args):
            raise self._unknown(node, "only the sum of two maps is timed")
        a, b = (self.source[x] for x in node.args)
        self._begin(node, "addition", (b if isinstance(a, int) else a,))

    def _pooling(self, node: fx.Node) -> None:
        if _pair(self.network.get_submodule(node.target).output_size) != (1, 1):
            raise self._unknown(node, "only pooling over the whole map is timed")
        self._begin(node, "pooling", (self.source[node.args[0]],))

    def _flatten(self, node: fx.Node) -> None:
        if self.maps[node.args[0]] != (1, 1):
            raise self._unknown(node, "only pooled maps are flattened")
        self._pass(node)

    def _linear(self, node: fx.Node) -> None:
        piece, widths = self._open(node), ((node.target, 1), (node.target, 0))
        if piece and piece[1].kind == "pooling":
            piece[1], piece[2] = replace(piece[1], kind="classifier"), widths
            self._pass(node)
            self.source[node] = widths[-1]
        else:
            self._begin(node, "linear", widths)


def _bare(layer: Layer) -> bool:
    """Whether batch normalisation may follow."""
    behind = layer.kind in ("convolution", "depthwise")
    return behind and not layer.norm and not layer.activation


def _depthwise(part: nn.Conv2d) -> bool:
    """Whether each channel has one filter of its own."""
    return part.groups == part.in_channels == part.out_channels > 1


def _geometry(part: nn.Conv2d) -> tuple:
    return part.kernel_size, part.stride, part.padding, part.dilation


def _pair(x: object) -> tuple:
    return tuple(x) if isinstance(x, tuple | list) else (x, x)
