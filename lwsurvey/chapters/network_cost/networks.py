"""The networks that the chapter counts, each counted once, and the families around them."""

from __future__ import annotations

import json
import re
from functools import cache

import pandas as pd
import torch
from torch import nn

from lwsurvey import cost, paths
from lwsurvey.cost import shares
from lwsurvey.models import zoo
from lwsurvey.models.sources.libraries import OWN
from lwsurvey.models.zoo import NetworkError

_CLASSES = {own.kind.__name__: own for own in OWN.values()}

WIDE = {
    "AlexNet": "lwsurvey:AlexNet",
    "VGG16": "torchvision:vgg16",
    "GoogLeNet": "lwsurvey:GoogLeNet",
    "Inception V3": "torchvision:inception_v3",
    "ResNet-50": "torchvision:resnet50",
    "SE-ResNet-50": "timm:legacy_seresnet50",
    "ResNeXt-50": "torchvision:resnext50_32x4d",
    "DenseNet-121": "torchvision:densenet121",
    "NASNet-A Large": "timm:nasnetalarge",
    "EfficientNet-B0": "torchvision:efficientnet_b0",
    "SqueezeNet 1.0": "torchvision:squeezenet1_0",
    "ESPNet-C": "lwsurvey:ESPNetC",
    "MobileNet V1": "lwsurvey:MobileNetV1",
    "MobileNet V2": "torchvision:mobilenet_v2",
    "MobileNet V3-Large": "torchvision:mobilenet_v3_large",
    "MobileNet V3-Small": "torchvision:mobilenet_v3_small",
    "MnasNet-A1": "timm:semnasnet_100",
    "ShuffleNet V1": "lwsurvey:ShuffleNetV1",
    "ShuffleNet V2": "torchvision:shufflenet_v2_x1_0",
}
"""Our name of each network of the wide table, and what is counted."""

FAMILIES = {
    "SqueezeNets": "torchvision:squeezenet1_0",
    "ShuffleNets": "torchvision:shufflenet_v2_x1_0",
    "MobileNets": "torchvision:mobilenet_v2",
    "GoogLeNet": "torchvision:googlenet",
    "EfficientNets": "torchvision:efficientnet_b0",
    "NASNets": "timm:nasnetalarge",
    "DenseNets": "torchvision:densenet121",
}
"""A usual member of each of the seven families that song2022notes calls lightweight."""

MEMBER = re.compile(
    r"(tf_|gc_|eca_|quantized_)*"
    r"(squeezenet|shufflenet|mobilenet|googlenet|efficientnet|nasnet|densenet)"
)
"""How the names of members begin in torchvision and timm; PNASNet and MnasNet are others."""


def build(name: str, **arguments: object) -> nn.Module:
    """A network on the ``meta`` device, in evaluation mode.

    Args:
        name: as `lwsurvey.models.zoo.load` takes it, or ``lwsurvey:CLASS`` with a class of
            this book such as ``lwsurvey:MobileNetV1``.
        arguments: arguments of the constructor.

    Raises:
        NetworkError: no such network.
        TypeError: the constructor has no such argument.
    """
    library, _, rest = name.partition(":")
    if library == "lwsurvey" and rest in _CLASSES:
        with torch.device("meta"):
            return _CLASSES[rest].kind(**arguments).eval()
    if not arguments:
        return zoo.load(name)
    makers = {"timm": zoo.from_timm, "torchvision": zoo.from_torchvision}
    if library not in makers:
        raise NetworkError(f"say timm:, torchvision: or lwsurvey:CLASS before {name!r}")
    return makers[library](rest, **arguments)


@cache
def profile_of(name: str, size: int | None = None, **arguments: object) -> cost.Profile:
    """The cost of a network on one image; the second time it is only looked up.

    Args:
        name: see `build`.
        size: side of the image; if not given, the network's own.
        arguments: arguments of the constructor.

    Raises:
        RuntimeError: there is something in the network that the counter does not know.
    """
    profile = cost.profile(build(name, **arguments), _inputs(name, size))
    if profile.uncounted:
        raise RuntimeError(f"{name} has operators that cannot be counted: {profile.uncounted}")
    return profile


def _inputs(name: str, size: int | None) -> tuple:
    library, _, rest = name.partition(":")
    if library == "lwsurvey" and rest in _CLASSES:
        rows, columns = (size, size) if size else _CLASSES[rest].size
        return (1, 3, rows, columns)
    return zoo.default_inputs(name, size=size)


def cited_accuracies() -> pd.DataFrame:
    """Accuracies that papers print, and the networks that stand for theirs, by our name."""
    return pd.read_csv(paths.data("published/accuracies.csv")).set_index("network")


def accuracies(first: int | None = None) -> pd.DataFrame:
    """The cited accuracies beside what we count for the same networks.

    Args:
        first: at most so many networks, spread over the file; all if not given.

    Returns:
        Indexed by our name: ``top1`` (percent, cited), ``source``, and our ``macs`` and
        ``parameters``, those of auxiliary heads left out.

    Raises:
        ValueError: fewer than one network.
    """
    table = cited_accuracies()
    if first is not None and first < 1:
        raise ValueError(f"the figure needs a network or more, not {first}")
    if first is not None:
        table = table.iloc[:: -(-len(table) // first)]
    rows = []
    for row in table.itertuples():
        arguments = {} if pd.isna(row.arguments) else json.loads(row.arguments)
        rows.append(profile_of(row.library_name, row.img_size, **arguments))
    macs, parameters = [p.macs for p in rows], [used_parameters(p) for p in rows]
    return table[["top1", "source"]].assign(macs=macs, parameters=parameters)


def used_parameters(profile: cost.Profile) -> int:
    """Parameters that the forward pass reads: without auxiliary heads."""
    return int(profile.layers.parameters.sum())


def members(models: pd.DataFrame) -> pd.DataFrame:
    """The counted networks of a table that belong to the families, the lightest first.

    Args:
        models: columns ``name``, ``library`` and ``macs``, as `sweep.models` returns them.
    """
    ours = models[[MEMBER.match(name) is not None for name in models.name]]
    return ours.dropna(subset="macs").sort_values("macs", ignore_index=True)


def with_pointwise() -> dict[str, bool]:
    """Whether the usual member of each family has 1 x 1 convolutions."""
    return {
        family: bool(shares.pointwise(shares.convolutions(profile_of(name))).any())
        for family, name in FAMILIES.items()
    }
