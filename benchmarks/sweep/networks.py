"""The networks of both libraries: their names, and the forms in which they are counted."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torchvision import models
from torchvision.models import WeightsEnum

from lwsurvey.models import zoo
from lwsurvey.models.sources import libraries
from lwsurvey.models.sources.building import build

LIBRARIES = ("timm", "torchvision")


@dataclass(frozen=True)
class Network:
    """A network and the inputs to count it on.

    Attributes:
        module: in evaluation mode.
        inputs: as `lwsurvey.cost.profile` takes them.
        device: where it is counted.
        made: where it was made: ``meta``, or ``cpu`` if its constructor needs values.
    """

    module: nn.Module
    inputs: Any
    device: str
    made: str


def names(library: str, pattern: str = "*") -> list[str]:
    """Names of a library's networks that match a pattern such as ``resnet*``, in its order."""
    every = libraries.LIBRARIES[library].names()
    return [name for name in every if fnmatchcase(name, pattern)]


def network(library: str, name: str, device: str = "meta") -> Network:
    """A network without trained weights, and its default inputs.

    Args:
        library: ``timm`` or ``torchvision``.
        name: as the library has it.
        device: ``cpu`` for random weights of a fixed seed, if the network looks at values.
    """
    full = f"{library}:{name}"
    return _network(zoo.load(full, device=device), zoo.default_inputs(full), device)


def of_size(name: str, side: int, *, built_for: bool, fused: bool = True) -> Network:
    """A timm network on images of another size.

    Args:
        name: as timm has it.
        side: of the images.
        built_for: make it for this size, if it is one that has a fixed size.
        fused: whether attention is one operator, or written out as timm's benchmark has it.
    """
    with _attention(fused):
        module = zoo.load(f"timm:{name}", size=side if built_for else None)
    return _network(module, (1, 3, side, side), "meta")


def merged(name: str, side: int) -> Network:
    """A timm network with training branches and normalisation merged into its convolutions.

    timm computes the merged weights, so that the network must have some.
    """
    module = zoo.load(f"timm:{name}", device="cpu")
    libraries.timm().utils.reparameterize_model(module, inplace=True)
    return _network(module, (1, 3, side, side), "meta")


def for_weights(name: str, weights: WeightsEnum) -> Network:
    """A torchvision network as its published weights need it, but without them.

    Weights change sizes, auxiliary heads and frozen layers in the constructor. They are
    neither fetched nor loaded here. For quantised weights it is the network before its
    conversion, which has the same layers.
    """
    floating = weights.meta.get("unquantized", weights)
    builder = models.get_model_builder(name)
    with _no_loading():
        module = build(f"torchvision:{name}", lambda: builder(weights=floating)).eval()
    crop = getattr(weights.transforms(), "crop_size", None)
    return _network(module, zoo.default_inputs(f"torchvision:{name}", size=_side(crop)), "meta")


def format_shapes(inputs: Any) -> str:
    """Shapes as text, such as ``1x3x224x224``; several are separated by a space."""
    if all(isinstance(side, int) for side in inputs):
        return "x".join(map(str, inputs))
    return " ".join(map(format_shapes, inputs))


def _side(crop: Any) -> Any:
    return crop[0] if isinstance(crop, (list, tuple)) and len(crop) == 1 else crop or None


def _network(module: nn.Module, inputs: Any, device: str) -> Network:
    tensors = (*module.parameters(), *module.buffers())
    made = "meta" if all(tensor.is_meta for tensor in tensors) else "cpu"
    return Network(module if device == "cpu" else module.to("meta"), inputs, device, made)


@contextmanager
def _attention(fused: bool) -> Iterator[None]:
    layers = libraries.timm().layers
    before = layers.use_fused_attn(), layers.use_fused_attn(experimental=True)
    if not fused:
        layers.set_fused_attn(False)
    try:
        yield
    finally:
        layers.set_fused_attn(*before)


@contextmanager
def _no_loading() -> Iterator[None]:
    fetch, load = WeightsEnum.get_state_dict, nn.Module.load_state_dict
    WeightsEnum.get_state_dict = lambda *args, **options: {}
    nn.Module.load_state_dict = lambda *args, **options: None
    try:
        with warnings.catch_warnings():
            # Weights that are not loaded need no better initialisation either.
            warnings.filterwarnings("ignore", message="The default weight initialization")
            yield
    finally:
        WeightsEnum.get_state_dict, nn.Module.load_state_dict = fetch, load
