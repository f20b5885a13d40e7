"""A network cut into the pieces that it runs as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from torch import nn

from lwsurvey.latency.lookup.errors import TableError
from lwsurvey.latency.lookup.graph import grouped
from lwsurvey.latency.lookup.layers import Layer, Piece
from lwsurvey.latency.lookup.walk import Width, depthwise

# Attributes that another width changes and the graph does not depend on.
_WIDTHS = {"in_channels", "out_channels", "groups", "num_features", "in_features", "training"}
_WIDTHS |= {"out_features"}


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
    places = _Cuts.of(network, tuple(shape))
    return [Piece(p.name, p.layer, tuple(_width(network, w) for w in p.widths)) for p in places]


class _Cuts:
    """Cuts of networks by their structure: tracing takes longer than all the rest."""

    known: ClassVar[dict[tuple, tuple[Place, ...]]] = {}
    MOST = 512

    @classmethod
    def of(cls, network: nn.Module, shape: tuple[int, ...]) -> tuple[Place, ...]:
        key = (shape, structure(network))
        if key not in cls.known:
            if len(cls.known) >= cls.MOST:
                cls.known.clear()
            cls.known[key] = tuple(Place(*found) for found in grouped(network, _checked(shape)))
        return cls.known[key]


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
        found += [("bias", module.bias is not None), ("depthwise", depthwise(module)),
                  ("grouped", module.groups > 1)]  # fmt: skip
    return found


_PLAIN = (bool, int, float, str, tuple)


def _width(network: nn.Module, width: Width) -> int:
    if isinstance(width, int):
        return width
    name, dimension = width
    return network.get_submodule(name).weight.shape[dimension]


def _checked(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) != 4 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise TableError(f"an input has a shape (batch, channels, rows, columns), not {shape}")
    return shape
