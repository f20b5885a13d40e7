"""Small MobileNets V1 by the widths of their layers, and what they cost in MACs and in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from torch import nn

from lwsurvey import paths
from lwsurvey.models import small
from lwsurvey.models.blocks import DepthwiseSeparable, Head, norm_relu, same_convolution
from lwsurvey.search.channels import groups, prune
from lwsurvey.search.netadapt import choose_which_filters

LAYERS = ("stem", "pw 1", "pw 2", "pw 3", "pw 4", "pw 5", "pw 6")
"""What has filters of its own; a depthwise layer follows what it reads."""

SIDES = (14, 7, 7, 7, 4, 4, 4)
"""Of the feature maps that they make."""

MULTIPLE = 8
"""Widths are multiples of it: a kernel works on so many channels at a time."""

SHAPE = (32, 1, 28, 28)
"""Of the batch that is timed, and that tables are made for."""

FULL = (24, 64, 64, 64, 128, 128, 128)
"""Widths of the pretrained network, ``small.mobilenet_v1(64)``."""

Widths = tuple[int, ...]


def mobilenet_v1(widths: Sequence[int]) -> nn.Sequential:
    """`lwsurvey.models.small.mobilenet_v1` with a width for each of `LAYERS`."""
    units = [
        DepthwiseSeparable(N, M, stride=1 if k % small.UNITS else 2, after=norm_relu)
        for k, (N, M) in enumerate(pairwise(widths))
    ]
    network = nn.Sequential()
    network.stem = nn.Sequential(same_convolution(1, widths[0], 3, stride=2), norm_relu(widths[0]))
    network.early = nn.Sequential(*units[: small.UNITS])
    network.late = nn.Sequential(*units[small.UNITS :])
    network.head = Head(widths[-1], 10)
    return network


def widths_of(network: nn.Module) -> Widths:
    """The widths of a network, however it came to them."""
    convolutions = (m for m in network.modules() if isinstance(m, nn.Conv2d))
    return tuple(m.out_channels for m in convolutions if m.groups == 1)


def macs(network: nn.Module) -> int:
    """MACs for one image, as `lwsurvey.cost.count` has them, without tracing the network."""
    widths = widths_of(network)
    units = zip(pairwise(widths), SIDES[1:], strict=True)
    total = sum(side**2 * (9 * N + N * M) for (N, M), side in units)
    return 9 * widths[0] * SIDES[0] ** 2 + total + 10 * widths[-1]


def rung(share: float) -> Widths:
    """The network whose layers keep one share of their filters, rounded to `MULTIPLE`."""
    return tuple(max(MULTIPLE, MULTIPLE * round(share * n / MULTIPLE)) for n in FULL)


def draw(count: int, seed: int) -> list[Widths]:
    """Networks whose layers each have a random number of filters, up to all of them."""
    most, rng = np.array(FULL) // MULTIPLE, np.random.default_rng(seed)
    return [tuple(int(n) for n in MULTIPLE * rng.integers(1, most + 1)) for _ in range(count)]


def prune_to(network: nn.Module, widths: Sequence[int]) -> nn.Module:
    """A copy with these widths; in each layer the filters of largest norm stay."""
    for k, keep in enumerate(widths):
        group = groups(network, SHAPE[1:])[k]
        network = prune(network, group, choose_which_filters(network, group, keep))
    return network


@dataclass(frozen=True)
class Recorded:
    """The recorded table of latencies: seconds of each piece by channels in and out.

    Attributes:
        seconds: in the order of the pieces, a mapping each.
    """

    seconds: tuple[dict[tuple[int, int], float], ...]

    def __call__(self, network: nn.Module) -> float:
        """Seconds of a batch of `SHAPE`: the sum over the pieces of the network."""
        widths = widths_of(network)
        ends = [(1, widths[0])]
        for N, M in pairwise(widths):
            ends += [(N, N), (N, M)]
        ends.append((widths[-1], 10))
        return sum(known[end] for known, end in zip(self.seconds, ends, strict=True))


def recorded_table() -> Recorded:
    """The table in ``data/lookup/netadapt.csv``; `benchmarks.netadapt_table` made it."""
    frame = pd.read_csv(paths.data("lookup/netadapt.csv"))
    pieces = frame.groupby("piece", sort=False)
    return Recorded(tuple(
        dict(zip(zip(rows.N.tolist(), rows.M.tolist(), strict=True), rows.seconds, strict=True))
        for _, rows in pieces
    ))  # fmt: skip
