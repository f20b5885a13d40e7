"""Networks by name, without weights, for counting: torchvision's, timm's, the book's, yours.

A name is that of a network of torchvision, timm or this package, looked for in this order;
``torchvision:NAME``, ``timm:NAME`` and ``lwsurvey:NAME`` say which is meant. Your own is
``package.module:callable``. Nothing is ever downloaded.
"""

from __future__ import annotations

import math
from numbers import Integral

import torch
from torch import nn

from lwsurvey.models.errors import NetworkError
from lwsurvey.models.naming import Named, resolve, source, unknown

__all__ = ["Named", "default_inputs", "from_timm", "from_torchvision", "load", "resolve"]

Size = int | tuple[int, int] | None
LARGEST = 2**16  # pixels along a side; far more overflow PyTorch's numbers of elements


def load(
    name: str, *, size: Size = None, width: float | None = None, device: str = "meta"
) -> nn.Module:
    """Build a network without downloading weights; a library's one is in evaluation mode.

    Args:
        name: see the module.
        size: side of its images, or rows and columns; matters to networks that are built for
            one size, such as vision transformers.
        width: multiplier of the channels, for networks that have one.
        device: ``meta``, where parameters take no memory; ``cpu`` for those whose forward
            pass branches on data. A constructor that needs values runs on the CPU anyway.

    Raises:
        NetworkError: no such network, or it cannot be built so.
    """
    side, named = _side(size), resolve(name)
    if width is not None and not (width > 0 and math.isfinite(width)):
        raise NetworkError(f"a width multiplier is a positive number, not {width}")
    return named.source.build(named.name, device, side, width)


def default_inputs(network: str | nn.Module, *, size: Size = None, batch: int = 1) -> tuple:
    """The inputs that a network expects, as `lwsurvey.cost.profile` takes them.

    Args:
        network: a name as for `load`; or a module, for which 224 x 224 pixels are a guess.
        size: side of its images, or rows and columns, instead of its own.
        batch: how many.

    Returns:
        A shape such as ``(1, 3, 224, 224)``; two shapes for optical flow; a list of shapes
        within a tuple for detection.

    Raises:
        NetworkError: no such network, or a size or a batch that is not positive.
    """
    side = _side(size)
    if not _whole(batch):
        raise NetworkError(f"a batch is a positive whole number, not {batch!r}")
    named = None if isinstance(network, nn.Module) else resolve(network)
    if named and named.library:
        return named.source.inputs(named.name, side, batch)
    module = load(network) if named else network
    return source("").inputs(module, side, batch)


def from_timm(name: str, **options: object) -> nn.Module:
    """A timm network on the ``meta`` device, in evaluation mode.

    Args:
        name: of timm.
        options: of its constructor.

    Raises:
        NetworkError: timm has no network of that name; the message lists near ones.
    """
    if name not in source("timm").names():
        raise unknown(name, ("timm",))
    with torch.device("meta"):
        return source("timm").timm.create_model(name, **options).eval()


def from_torchvision(name: str, **options: object) -> nn.Module:
    """A torchvision network on the ``meta`` device, in evaluation mode.

    Args:
        name: of torchvision.
        options: of its constructor.

    Raises:
        NetworkError: torchvision has no network of that name; the message lists near ones.
    """
    if name not in source("torchvision").names():
        raise unknown(name, ("torchvision",))
    with torch.device("meta"):
        return source("torchvision").models.get_model(name, **options).eval()


def _side(size: Size) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2 or not all(_whole(side) for side in sides):
        raise NetworkError(
            f"a size is a side of 1 to {LARGEST} pixels, or rows and columns, not {size!r}"
        )
    return sides


def _whole(number: object) -> bool:
    whole = isinstance(number, Integral) and not isinstance(number, bool)
    return whole and 1 <= number <= LARGEST
