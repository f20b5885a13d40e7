"""Networks of the chapter by the widths of their layers, and what they cost in MACs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from lwsurvey import cost
from lwsurvey.chapters.netadapt import algorithm
from lwsurvey.models import small
from lwsurvey.models.blocks import DepthwiseSeparable, Head, norm_relu, same_convolution

LAYERS = ("stem", "pw 1", "pw 2", "pw 3", "pw 4", "pw 5", "pw 6")
"""What has filters of its own in the chapter's network; a depthwise layer follows what it reads."""

MULTIPLE = 8
"""Widths are multiples of it: a kernel works on so many channels at a time, so that others save
nothing."""


def mobilenet_v1(widths: Sequence[int], classes: int = 10) -> nn.Sequential:
    """`lwsurvey.models.small.mobilenet_v1` with a width for each of `LAYERS`.

    Raises:
        ValueError: another number of widths.
    """
    if len(widths) != len(LAYERS):
        raise ValueError(f"{len(LAYERS)} widths are needed, not {len(widths)}")
    units = [
        DepthwiseSeparable(N, M, stride=1 if k % small.UNITS else 2, after=norm_relu)
        for k, (N, M) in enumerate(pairwise(widths))
    ]
    network = nn.Sequential()
    network.stem = nn.Sequential(same_convolution(1, widths[0], 3, stride=2), norm_relu(widths[0]))
    network.early = nn.Sequential(*units[: small.UNITS])
    network.late = nn.Sequential(*units[small.UNITS :])
    network.head = Head(widths[-1], classes)
    return network


def weightless(widths: Sequence[int]) -> nn.Sequential:
    """The same without memory, for costs."""
    with torch.device("meta"):
        return mobilenet_v1(widths)


def full(width: int) -> tuple[int, ...]:
    """Widths of `lwsurvey.models.small.mobilenet_v1`."""
    return (small.STEM, *[width] * small.UNITS, *[2 * width] * small.UNITS)


def ladder(widths: Sequence[int]) -> list[tuple[int, ...]]:
    """All networks whose layers keep one share of their filters, rounded, from the widest down."""
    most = max(widths) // MULTIPLE
    shares = [k / most for k in range(most, 0, -1)]
    return list(dict.fromkeys(tuple(_rounded(share * n) for n in widths) for share in shares))


def random(widths: Sequence[int], count: int, seed: int) -> list[tuple[int, ...]]:
    """Networks whose layers each have a random number of filters, up to all of them."""
    rng = np.random.default_rng(seed)
    most = np.array(widths) // MULTIPLE
    return [tuple(int(n) for n in MULTIPLE * rng.integers(1, most + 1)) for _ in range(count)]


def _rounded(filters: float) -> int:
    return max(MULTIPLE, MULTIPLE * round(filters / MULTIPLE))


def pruned(network: nn.Module, widths: Sequence[int]) -> nn.Module:
    """A copy of the chapter's network with these widths; the filters of largest norm stay.

    One layer after the other, as NetAdapt does it, but without looking at any image.

    Args:
        network: `mobilenet_v1`, not changed.
        widths: of each of `LAYERS`.
    """
    for k, keep in enumerate(widths):
        group = algorithm.groups(network, small.INPUT)[k]
        kept = algorithm.choose_which_filters(network, group, keep)
        network = algorithm.prune(network, group, kept)
    return network


class Macs:
    """MACs of a network for one image, for networks that differ in widths alone.

    `lwsurvey.cost.count` would give the same, and traces the network each time.

    Args:
        network: any of them.
    """

    def __init__(self, network: nn.Module) -> None:
        layers = cost.by_layer(network, small.INPUT)
        self.maps: Mapping[str, int] = dict(zip(layers.name, layers.H * layers.W, strict=True))

    def __call__(self, network: nn.Module) -> int:
        weights = {name: network.get_submodule(name).weight for name in self.maps}
        return sum(weights[name].numel() * size for name, size in self.maps.items())
