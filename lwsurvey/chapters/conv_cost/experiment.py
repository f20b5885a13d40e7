"""How alike are the kernels that training gives to different channels?

A small experiment on synthetic textures: every channel of an image shows, in noise, a
grating whose direction depends on the class and is drawn for that channel alone. So each
channel has a feature of its own to be learned.
"""

from __future__ import annotations

import math
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

from lwsurvey.models.blocks import DepthwiseSeparable, same_convolution

CHANNELS, FILTERS, CLASSES, SIDE, BATCH = 8, 16, 4, 12, 64


def textures(directions: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Images of gratings in noise.

    Args:
        directions: angle of the grating of each class in each channel, shape
            ``(CLASSES, CHANNELS)``.
        labels: class of each image, shape ``(batch,)``.
        generator: draws the phases and the noise.

    Returns:
        Shape ``(batch, CHANNELS, SIDE, SIDE)``.
    """
    angle = directions[labels][..., None, None]
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    phase = 2 * math.pi * torch.rand(angle.shape, generator=generator)
    grating = torch.sin(1.5 * (columns * angle.cos() + rows * angle.sin()) + phase)
    return grating + torch.randn(grating.shape, generator=generator)


def network(kind: str) -> nn.Sequential:
    """One 3 x 3 convolution, ReLU, the mean over the map, a classifier.

    Raises:
        ValueError: the kind is not ``separable`` or ``ordinary``.
    """
    if kind not in ("separable", "ordinary"):
        raise ValueError(f"kind must be separable or ordinary, not {kind!r}")
    make = DepthwiseSeparable if kind == "separable" else same_convolution
    layers = [make(CHANNELS, FILTERS, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(FILTERS, CLASSES))


def update_similarity(kind: str, seed: int, steps: int) -> tuple[float, float]:
    """Train once, and compare what the channels' kernels have learned.

    Args:
        kind: ``separable`` or ``ordinary``.
        seed: source of the textures, the initial weights and the batches; the same seed gives
            both kinds the same images in the same order.
        steps: steps of Adam, 64 images each.

    Returns:
        The mean absolute cosine between the updates (trained minus initial) of two channels'
        3 x 3 kernels, and the share of 1,024 new images that are recognised.

    Raises:
        ValueError: unknown kind, or no step.
    """
    if steps < 1:
        raise ValueError(f"nothing is learned in {steps} steps; take 1 or more")
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    directions = math.pi * torch.rand(CLASSES, CHANNELS, generator=generator)
    model = network(kind)
    kernels = model[0].depthwise.weight if kind == "separable" else model[0].weight
    before = kernels.detach().clone()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        labels = torch.randint(CLASSES, (BATCH,), generator=generator)
        loss = cross_entropy(model(textures(directions, labels, generator)), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    labels = torch.randint(CLASSES, (1024,), generator=generator)
    with torch.no_grad():
        right = model(textures(directions, labels, generator)).argmax(1) == labels
    return mean_cosine(kernels.detach() - before), float(right.float().mean())


def mean_cosine(updates: Tensor) -> float:
    """Mean absolute cosine over all pairs of channels, and over the filters of a convolution.

    Args:
        updates: shape ``(CHANNELS, 1, 3, 3)`` or ``(FILTERS, CHANNELS, 3, 3)``.
    """
    by_filter = updates.flatten(2)
    if updates.shape[1] == 1:
        by_filter = by_filter.transpose(0, 1)
    pairs = list(combinations(range(CHANNELS), 2))
    left, right = (by_filter[:, list(side)] for side in zip(*pairs, strict=True))
    return float(cosine_similarity(left, right, dim=-1).abs().mean())
