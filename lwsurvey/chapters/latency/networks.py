"""Networks as jobs: torchvision's, MobileNet V1 and its dense twin."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from lwsurvey.latency.roofline.jobs import Job, job, settle
from lwsurvey.models.mobilenet_v1 import MobileNetV1

TORCHVISION = (
    "mobilenet_v2", "mobilenet_v3_large", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1",
    "mobilenet_v3_small", "shufflenet_v2_x1_0", "mnasnet1_0", "efficientnet_b0",
    "regnet_x_400mf", "alexnet",
)  # fmt: skip
SHIPPED = (
    "mobilenet_v1", "mobilenet_v1 dense", "mobilenet_v2", "mobilenet_v3_large", "resnet18",
    "shufflenet_v2_x1_0", "squeezenet1_1",
)  # fmt: skip
LABELS = {
    "mobilenet_v1 dense": "V1's dense twin", "mobilenet_v1": "MobileNet V1",
    "mobilenet_v2": "MobileNet V2", "mobilenet_v3_large": "V3-Large",
    "mobilenet_v3_small": "V3-Small", "shufflenet_v2_x0_5": "ShuffleNet V2 0.5",
    "shufflenet_v2_x1_0": "ShuffleNet V2", "mnasnet1_0": "MnasNet",
    "efficientnet_b0": "EfficientNet-B0", "regnet_x_400mf": "RegNetX", "alexnet": "AlexNet",
    "resnet18": "ResNet-18", "squeezenet1_1": "SqueezeNet 1.1",
}  # fmt: skip


def network(name: str, size: int = 224) -> nn.Module:
    """A network with random weights and settled statistics.

    Args:
        name: one of torchvision's, ``mobilenet_v1``, or ``mobilenet_v1 dense`` for its twin.
        size: rows and columns of its images.
    """
    if name.startswith("mobilenet_v1"):
        block = "standard" if name.endswith("dense") else "separable"
        made = MobileNetV1(block=block)
    else:
        # Here, because the import takes seconds and most of the package does without.
        from torchvision import models

        made = models.get_model(name, weights=None)
    return settle(made, (2, 3, size, size))


def library(
    names: Sequence[str], *, batch: int = 1, device: str = "cpu", size: int = 224
) -> dict[str, Job]:
    """Jobs of networks by name; see `network`. The weights are the same in each run."""
    found = {}
    for name in names:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            found[name] = job(network(name, size), (batch, 3, size, size), device=device)
    return found


def strip_to_convolutions(module: nn.Module) -> nn.Module:
    """Take batch normalisations and ReLUs out of a network, in place; returns it."""
    for parent in module.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d | nn.ReLU | nn.ReLU6):
                setattr(parent, name, nn.Identity())
    return module


def twins(*, batch: int = 1, device: str = "cpu", size: int = 224) -> dict[str, Job]:
    """Jobs ``separable``, ``dense``, and each with ``, convolutions only`` after its name."""
    shape, found = (batch, 3, size, size), {}
    for kind, name in (("separable", "mobilenet_v1"), ("dense", "mobilenet_v1 dense")):
        made = network(name, size)
        bare = strip_to_convolutions(copy.deepcopy(made))
        found[kind] = job(made, shape, device=device)
        found[f"{kind}, convolutions only"] = job(bare, shape, device=device)
    return found
