"""Networks of torchvision, by its names."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

from torch import nn
from torchvision import models

from lwsurvey.models.errors import NetworkError
from lwsurvey.models.sources.building import NAMED, Side, widened
from lwsurvey.models.sources.building import build as construct

FRAMES = 16  # of a video; with as many torchvision states the operations of its video networks
FLOW = (512, 512)  # of two frames; at this size torchvision's stated operations come out
WIDE = ("mobilenetv2", "mobilenetv3")


def names() -> list[str]:
    """All of torchvision's networks."""
    return models.list_models()


def has(name: str) -> bool:
    """Whether torchvision has a network of this name."""
    return name in names()


def build(
    name: str, device: str = "meta", size: Side | None = None, width: float | None = None
) -> nn.Module:
    """A network without weights, in evaluation mode.

    Args:
        name: one of `names`.
        device: see `building.build`.
        size: rows and columns of its images, for networks that are built for one size.
        width: multiplier of the channels.

    Raises:
        NetworkError: it has no width multiplier, or cannot be built so.
    """
    who = f"torchvision:{name}"
    make = partial(models.get_model, name, **_options(name, size))
    if width is None:
        return construct(who, make, device).eval()
    if _family(name)[-1] not in WIDE:
        raise NetworkError(f"{who} has no width multiplier; {NAMED}")
    return construct(who, lambda: widened(who, make, ["width_mult"], width), device).eval()


def inputs(name: str, size: Side | None = None, batch: int = 1) -> tuple:
    """Shapes of the inputs that a network expects, as `lwsurvey.cost.profile` takes them.

    Without ``size`` that of its default weights' preprocessing. Videos have 16 frames; optical
    flow takes two images, detection a list of them.
    """
    rows, columns = size or _size(name)
    family = _family(name)
    if "video" in family:
        return (batch, 3, FRAMES, rows, columns)
    if "optical_flow" in family:
        return ((batch, 3, rows, columns),) * 2
    if "detection" in family:
        return ([(3, rows, columns)] * batch,)
    return (batch, 3, rows, columns)


def _options(name: str, size: Side | None) -> dict[str, Any]:
    """Arguments without which the constructor downloads, warns, or is for another size."""
    options: dict[str, Any] = {}
    rows, columns = size or _size(name)
    if "weights_backbone" in inspect.signature(models.get_model_builder(name)).parameters:
        options["weights_backbone"] = None
    match _family(name)[-1]:
        case "googlenet" | "inception":
            options["init_weights"] = False
        case "vision_transformer":
            options["image_size"] = rows
        case "maxvit":
            options["input_size"] = (rows, columns)
    return options


def _family(name: str) -> list[str]:
    """The modules that define a network, such as ``["detection", "ssd"]``."""
    return models.get_model_builder(name).__module__.split(".")[2:]


def _size(name: str) -> Side:
    family = _family(name)
    if "optical_flow" in family:
        return FLOW
    if "detection" in family:
        side = 320 if "320" in name else 300 if "300" in name else 800
        return side, side
    transforms = models.get_model_weights(name).DEFAULT.transforms()
    side = getattr(transforms, "crop_size", None) or transforms.resize_size
    return tuple(side) if len(side) == 2 else (side[0], side[0])
