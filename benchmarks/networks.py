"""The networks of the benchmark, their inputs, and what is published about their cost."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor, nn
from torchvision import models

from lwsurvey import cost, paths
from lwsurvey.cost.conventions import CONVENTIONS, Conventions
from lwsurvey.models import zoo

# The surveys' networks as far as a library has them, then five with attention or without
# convolutions, which counters find harder.
NETWORKS = tuple(
    f"{library}:{name}"
    for library, names in (
        (
            "torchvision",
            "alexnet vgg16 googlenet inception_v3 squeezenet1_0 resnet18 resnet50 resnext50_32x4d"
            " densenet121 mobilenet_v2 mobilenet_v3_large shufflenet_v2_x1_0 mnasnet1_0"
            " efficientnet_b0",
        ),
        ("timm", "mobilenetv1_100 nasnetalarge legacy_seresnet50 legacy_xception ghostnet_100"),
        ("torchvision", "vit_b_16 swin_t convnext_tiny maxvit_t"),
        ("timm", "deit_tiny_patch16_224 mixer_b16_224"),
    )
    for name in names.split()
)
# timm's table is fvcore's, made with attention written out, so that its products are counted.
TIMM_TABLE = replace(CONVENTIONS["fvcore"], name="timm's table", fused_attention=True)


@dataclass(frozen=True)
class Published:
    """A printed cost.

    Attributes:
        gmacs: 10^9 operations.
        digits: decimals that are printed.
        source: of the figure.
        conventions: what it counts as an operation.
    """

    gmacs: float
    digits: int
    source: str
    conventions: Conventions

    def agrees(self, macs: float) -> bool:
        """Whether a count is this figure to the digits printed."""
        return round(macs / 1e9, self.digits) == round(self.gmacs, self.digits)


def build(name: str, device: str) -> tuple[nn.Module, Tensor]:
    """A network in evaluation mode and one input of its own size, ones, on the same device."""
    shape = zoo.default_inputs(name)
    return zoo.load(name, device=device).eval(), torch.ones(shape, device=device)


def fresh(model: nn.Module) -> nn.Module:
    """A copy with modules and dictionaries of its own; parameters and buffers are shared."""
    tensors = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})


def published(name: str, size: int) -> Published | None:
    """The library's own figure for images of this size, None if it prints none."""
    library, plain = name.split(":")
    return _torchvision(plain, size) if library == "torchvision" else _timm(plain, size)


def _torchvision(name: str, size: int) -> Published | None:
    weights = models.get_model_weights(name).DEFAULT
    if weights.transforms().crop_size != [size]:
        return None
    return Published(weights.meta["_ops"], 3, "torchvision _ops", cost.PAPERS)


def _timm(name: str, size: int) -> Published | None:
    table = pd.read_csv(paths.data("published/timm_benchmark_infer.csv"))
    row = table[(table.model == name) & (table.img_size == size)]
    return Published(float(row.gmacs.iloc[0]), 2, "timm's table", TIMM_TABLE) if len(row) else None
