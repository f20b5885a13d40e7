"""Networks as jobs: torchvision's, MobileNet V1 and its dense twin, and random small ones."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence

import torch
from torch import nn

from lwsurvey.latency.roofline.jobs import Job, job, settle
from lwsurvey.models.blocks import Head, InvertedResidual, norm_relu, same_convolution
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.models.mobilenet_v2 import LAST, STAGES, STEM

TORCHVISION = (
    "mobilenet_v2", "mobilenet_v3_large", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1",
    "mobilenet_v3_small", "shufflenet_v2_x1_0", "mnasnet1_0", "efficientnet_b0",
    "regnet_x_400mf", "regnet_y_400mf", "squeezenet1_0", "alexnet", "googlenet", "densenet121",
    "resnet50", "resnext50_32x4d",
)  # fmt: skip
_OPTIONS = {"googlenet": {"aux_logits": False, "init_weights": False}}


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

        made = models.get_model(name, weights=None, **_OPTIONS.get(name, {}))
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
    """MobileNet V1 and its dense twin, whole and without what stands between convolutions.

    Returns:
        Jobs ``separable``, ``dense``, ``separable, convolutions only`` and ``dense, ...``.
    """
    shape, found = (batch, 3, size, size), {}
    for kind, name in (("separable", "mobilenet_v1"), ("dense", "mobilenet_v1 dense")):
        made = network(name, size)
        bare = strip_to_convolutions(copy.deepcopy(made))
        found[kind] = job(made, shape, device=device)
        found[f"{kind}, convolutions only"] = job(bare, shape, device=device)
    return found


def contest(*, batch: int = 1, device: str = "cpu", size: int = 224) -> dict[str, Job]:
    """`twins`, and torchvision's ``mobilenet_v2`` and ``resnet18``."""
    how = {"batch": batch, "device": device, "size": size}
    return twins(**how) | library(("mobilenet_v2", "resnet18"), **how)


def random_mobilenet(seed: int, width: float) -> nn.Sequential:
    """A random member of the family of MobileNet V2, as MnasNet's search space varies it.

    For each row of MobileNet V2's table: kernel 3 or 5, expansion 3 or 6, one layer less or
    more or neither, 0.75, 1 or 1.25 times the filters (Tan et al. 2019, section 4.1; without
    its choices of squeeze-and-excitation and of other convolutions).

    Args:
        seed: seeds the choices and the weights.
        width: multiplier of all channels, which become multiples of 8.
    """
    choose = random.Random(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        N = _eights(STEM * width)
        layers: list[nn.Module] = [same_convolution(3, N, 3, 2), norm_relu(N)]
        for _, channels, count, stride in STAGES:
            M = _eights(channels * width * choose.choice((0.75, 1, 1.25)))
            K, t = choose.choice((3, 5)), choose.choice((3, 6))
            for k in range(max(1, count + choose.choice((-1, 0, 1)))):
                how = {"hidden": t * N, "K": K, "stride": 1 if k else stride}
                layers.append(InvertedResidual(N, M, activation=nn.ReLU, **how))
                N = M
        last = _eights(LAST * width)
        layers += [same_convolution(N, last, 1), norm_relu(last)]
        return nn.Sequential(*layers, Head(last, 10))


def _eights(channels: float) -> int:
    return max(8, round(channels / 8) * 8)


def random_jobs(count: int, *, size: int, width: float, seed: int) -> dict[str, Job]:
    """Jobs of ``count`` random networks on one image of ``size`` x ``size``, on the processor."""
    shape = (1, 3, size, size)
    made = {f"random {k}": random_mobilenet(seed + k, width) for k in range(count)}
    return {name: job(settle(net, shape), shape) for name, net in made.items()}
