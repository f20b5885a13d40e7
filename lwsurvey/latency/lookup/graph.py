"""A network's operations, traced without running it."""

from __future__ import annotations

from collections.abc import Iterator

from torch import fx, nn

from lwsurvey.latency.lookup.errors import TableError
from lwsurvey.latency.lookup.layers import Layer
from lwsurvey.latency.lookup.walk import Walk, Width
from lwsurvey.models.blocks import SqueezeExcitation

Found = tuple[str, Layer, tuple[Width, ...]]


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, SqueezeExcitation) or super().is_leaf_module(m, module_qualified_name)


def grouped(network: nn.Module, shape: tuple[int, ...]) -> Iterator[Found]:
    """Names, layers and places of the widths of all pieces, in order.

    Raises:
        TableError: a part that no piece can be made of.
    """
    try:
        graph = _Tracer().trace(network)
    except Exception as error:
        raise TableError(
            f"this network cannot be traced, so that its pieces are not known: {error}"
        ) from error
    walk = Walk(network, shape)
    for node in graph.nodes:
        walk.visit(node)
    return (tuple(piece) for piece in walk.pieces)
