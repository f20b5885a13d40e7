"""Blocks that replace one 3 x 3 convolution, as closed forms and as real modules."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models.squeezenet import Fire

from lwsurvey.cost import closed_form
from lwsurvey.cost.closed_form import Cost
from lwsurvey.models.blocks import Bottleneck, DepthwiseSeparable, same_convolution


def forms(C: int, side: int) -> dict[str, tuple[Cost, nn.Module]]:
    """Replacements of a 3 x 3 convolution from C to C channels, on maps of ``side`` x ``side``.

    Returns:
        By name: the closed form, and a module on the ``meta`` device. The modules of two have
        parameters that closed forms leave out: the bottleneck (ResNet's) those of its batch
        normalisation, the fire module (torchvision's) its biases.

    Raises:
        ValueError: ``C`` is not divisible by 8.
    """
    if C % 8:
        raise ValueError(f"C must be divisible by 8, it is {C}")
    costs = _closed_forms(C, side)
    with torch.device("meta"):
        modules = _modules(C)
    return {name: (costs[name], module) for name, module in modules.items()}


def _modules(C: int) -> dict[str, nn.Module]:
    neck, squeezed, half = C // 4, C // 8, C // 2
    column = nn.Conv2d(C, C, (3, 1), padding=(1, 0), bias=False)
    row = nn.Conv2d(C, C, (1, 3), padding=(0, 1), bias=False)
    return {
        "standard": same_convolution(C, C, 3),
        "3 × 1, 1 × 3": nn.Sequential(column, row),
        "4 groups": same_convolution(C, C, 3, groups=4),
        "bottleneck": Bottleneck(C, neck),
        "separable": DepthwiseSeparable(C, C),
        "fire module": Fire(C, squeezed, half, half),
    }


def _closed_forms(C: int, side: int) -> dict[str, Cost]:
    H = W = side
    neck, squeezed, half = C // 4, C // 8, C // 2
    fire = closed_form.pointwise(C, squeezed, H, W)
    fire += closed_form.pointwise(squeezed, half, H, W)
    fire += closed_form.convolution(squeezed, half, 3, H, W)
    return {
        "standard": closed_form.convolution(C, C, 3, H, W),
        "3 × 1, 1 × 3": closed_form.asymmetric(C, C, C, 3, H, W),
        "4 groups": closed_form.convolution(C, C, 3, H, W, 4),
        "bottleneck": closed_form.bottleneck(C, neck, C, 3, H, W),
        "separable": closed_form.separable(C, C, 3, H, W),
        "fire module": fire,
    }
