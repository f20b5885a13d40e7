"""The book's own networks, built from their papers' tables."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from torch import nn

from lwsurvey.models.alexnet import AlexNet
from lwsurvey.models.espnet import ESPNet, ESPNetC
from lwsurvey.models.googlenet import GoogLeNet
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.models.mobilenet_v2 import MobileNetV2
from lwsurvey.models.mobilenet_v3 import MobileNetV3
from lwsurvey.models.shufflenet_v1 import ShuffleNetV1
from lwsurvey.models.shufflenet_v2 import ShuffleNetV2
from lwsurvey.models.sources.building import Side, widened
from lwsurvey.models.sources.building import build as construct


class Own(NamedTuple):
    """Class and its first arguments, rows and columns of images, name of the width multiplier."""

    kind: type[nn.Module]
    size: Side
    width: str = ""
    arguments: tuple[str, ...] = ()


OWN = {
    "mobilenet_v1": Own(MobileNetV1, (224, 224), "alpha"),
    "mobilenet_v2": Own(MobileNetV2, (224, 224), "alpha"),
    "mobilenet_v3_large": Own(MobileNetV3, (224, 224), "alpha"),
    "mobilenet_v3_small": Own(MobileNetV3, (224, 224), "alpha", ("small",)),
    "shufflenet_v1": Own(ShuffleNetV1, (224, 224), "scale"),
    "shufflenet_v2": Own(ShuffleNetV2, (224, 224), "scale"),
    "googlenet": Own(GoogLeNet, (224, 224)),
    "alexnet": Own(AlexNet, (227, 227)),
    "espnet": Own(ESPNet, (512, 1024)),
    "espnet_c": Own(ESPNetC, (512, 1024)),
}


def names() -> list[str]:
    """All networks of this package, in `lwsurvey.models`."""
    return list(OWN)


def has(name: str) -> bool:
    """Whether the package has a network of this name."""
    return name in OWN


def build(
    name: str, device: str = "meta", size: Side | None = None, width: float | None = None
) -> nn.Module:
    """A network with fresh weights, in evaluation mode.

    Args:
        name: one of `names`.
        device: see `building.build`.
        size: not needed by any of them.
        width: multiplier of the channels.

    Raises:
        NetworkError: it has no width multiplier, or not this one.
    """
    who, own = f"lwsurvey:{name}", OWN[name]
    make = partial(own.kind, *own.arguments)
    if width is None:
        return construct(who, make, device).eval()
    knobs = [own.width] if own.width else []
    return construct(who, lambda: widened(who, make, knobs, width), device).eval()


def inputs(name: str, size: Side | None = None, batch: int = 1) -> tuple[int, ...]:
    """The shape of the images that a network expects; without ``size``, as in its paper."""
    rows, columns = size or OWN[name].size
    return (batch, 3, rows, columns)
