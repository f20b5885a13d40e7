"""Networks by name, without weights, for counting: torchvision's, timm's, the book's, yours.

A name is that of a network of torchvision, timm or this package, looked for in this order;
``torchvision:NAME``, ``timm:NAME`` and ``lwsurvey:NAME`` say which is meant. Your own is
``package.module:callable``. Nothing is ever downloaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

import torch
from torch import nn

from lwsurvey.models.sources import user
from lwsurvey.models.sources.building import NetworkError, near
from lwsurvey.models.sources.libraries import LIBRARIES, timm, torchvision

Size = int | tuple[int, int] | None
LARGEST = 2**16  # pixels along a side; far more overflow PyTorch's numbers of elements


@dataclass(frozen=True)
class Named:
    """A network that exists, not built yet.

    Attributes:
        library: ``torchvision``, ``timm``, ``lwsurvey``, or nothing for a path.
        name: within the library, or ``package.module:callable``.
    """

    library: str
    name: str

    def __str__(self) -> str:
        return f"{self.library}:{self.name}" if self.library else self.name

    def others(self) -> list[str]:
        """Full names of networks in other libraries that have the same name."""
        if not self.library:
            return []
        rest = [library for name, library in LIBRARIES.items() if name != self.library]
        return [f"{library.name}:{self.name}" for library in rest if library.lists(self.name)]


def resolve(name: str) -> Named:
    """Find a network by name; a bare name is looked for in the order of `LIBRARIES`.

    Raises:
        NetworkError: there is none; the message lists near names.
    """
    if not isinstance(name, str) or not name.strip():
        raise NetworkError(f"expected the name of a network, got {name!r}")
    library, colon, rest = name.partition(":")
    if colon and library not in LIBRARIES:
        return Named("", name)
    libraries, wanted = ((library,), rest) if colon else (tuple(LIBRARIES), name)
    for library in libraries:
        if LIBRARIES[library].has(wanted):
            return Named(library, wanted)
    raise _unknown(wanted, libraries)


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
    builder = LIBRARIES[named.library] if named.library else user
    return builder.build(named.name, device, side, width)


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
        return LIBRARIES[named.library].inputs(named.name, side, batch)
    module = load(network) if named else network
    return user.inputs(module, side, batch)


def from_timm(name: str, **options: object) -> nn.Module:
    """A timm network on the ``meta`` device, in evaluation mode.

    Args:
        name: of timm.
        options: of its constructor.

    Raises:
        NetworkError: timm has no network of that name; the message lists near ones.
    """
    return _with_options("timm", name, lambda: timm().create_model(name, **options))


def from_torchvision(name: str, **options: object) -> nn.Module:
    """A torchvision network on the ``meta`` device, in evaluation mode.

    Args:
        name: of torchvision.
        options: of its constructor.

    Raises:
        NetworkError: torchvision has no network of that name; the message lists near ones.
    """
    return _with_options(
        "torchvision", name, lambda: torchvision().models.get_model(name, **options)
    )


def _with_options(library: str, name: str, make: Callable[[], nn.Module]) -> nn.Module:
    if name not in LIBRARIES[library].names():
        raise _unknown(name, (library,))
    with torch.device("meta"):
        return make().eval()


def _unknown(name: str, libraries: tuple[str, ...]) -> NetworkError:
    """The error for a name that none of the libraries has, with the nearest that they have."""
    found = {library: ", ".join(near(name, LIBRARIES[library].names())) for library in libraries}
    if len(libraries) == 1:
        no, likely = f"{libraries[0]} has no", found[libraries[0]]
    else:
        no = f"neither {', '.join(libraries[:-1])} nor {libraries[-1]} has a"
        likely = "; ".join(f"{library}: {names}" for library, names in found.items() if names)
    how = "none; list_models() of torchvision.models and of timm name them all"
    return NetworkError(f"{no} network {name!r}; near: {likely or how}")


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
