"""The seven families that the notes of song2022notes call lightweight."""

from __future__ import annotations

import re

import pandas as pd

from lwsurvey.chapters.network_cost import sweep
from lwsurvey.chapters.network_cost.catalogue import counted
from lwsurvey.cost import shares

FAMILIES = {
    "SqueezeNets": "torchvision:squeezenet1_0",
    "ShuffleNets": "torchvision:shufflenet_v2_x1_0",
    "MobileNets": "torchvision:mobilenet_v2",
    "GoogLeNet": "torchvision:googlenet",
    "EfficientNets": "torchvision:efficientnet_b0",
    "NASNets": "timm:nasnetalarge",
    "DenseNets": "torchvision:densenet121",
}
"""A usual member of each."""

MEMBER = re.compile(
    r"(tf_|gc_|eca_|quantized_)*"
    r"(squeezenet|shufflenet|mobilenet|googlenet|efficientnet|nasnet|densenet)"
)
"""How the names of members begin in torchvision and timm; PNASNet and MnasNet are others."""


def members(models: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table of networks (column ``name``) that belong to the families."""
    return models[[MEMBER.match(name) is not None for name in models.name]]


def heaviest() -> str:
    """The member with the most MACs on its own input, by the kept sweep of both libraries.

    Returns:
        ``library:name``.
    """
    counted_ones = members(sweep.models().dropna(subset="macs"))
    row = counted_ones.loc[counted_ones.macs.idxmax()]
    return f"{row.library}:{row['name']}"


def with_pointwise() -> dict[str, bool]:
    """Whether the usual member of each family has 1 x 1 convolutions."""
    return {
        family: bool(shares.pointwise(shares.convolutions(counted(name))).any())
        for family, name in FAMILIES.items()
    }
