"""The competitors of each table of the paper, column by column, and exact twins of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import isqrt

from torch import nn

from lwsurvey.chapters.shufflenet_v2 import blocks, paper
from lwsurvey.cost import closed_form, memory

SIDE = 56
"""Rows and columns of all maps of tables 1 to 3."""
BLOCKS = 10
FACTORS = (1, 2, 4)
_FRAGMENTS = {
    "1-fragment": (1, 1), "2-fragment-series": (2, 1), "4-fragment-series": (4, 1),
    "2-fragment-parallel": (1, 2), "4-fragment-parallel": (1, 4),
}  # fmt: skip
_SWITCHES = {
    "ReLU and shortcut": (True, True), "ReLU only": (True, False),
    "shortcut only": (False, True), "neither": (False, False),
}  # fmt: skip
_WIDTHS = {3: {"GPU": 128, "ARM": 64}, 4: {"GPU": 32, "ARM": 32}}


@dataclass(frozen=True)
class Arm:
    """One competitor.

    Attributes:
        make: builds it.
        channels: of its input, whose map is `SIDE` x `SIDE`.
        widths: its channels as the tables print them.
        macs: multiply-accumulates for one image.
        access: elements that its convolutions read and write, by the paper's formula.
    """

    make: Callable[[], nn.Module]
    channels: int
    widths: str
    macs: int
    access: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return 1, self.channels, SIDE, SIDE


Arms = Mapping[str, Arm]


def of_paper(guideline: int, platform: str, column: int) -> Arms:
    """The arms of a column of a table, in its order.

    Args:
        guideline: 1 to 4.
        platform: ``GPU`` or ``ARM``, which have columns of different widths.
        column: 0, 1 or 2.
    """
    table = paper.printed(guideline)
    prefix, factor = platform.lower(), FACTORS[column]
    if guideline == 1:
        sides = zip(table[f"{prefix}_c1"], table[f"{prefix}_c2"], strict=True)
        found = [pair(int(c1) * factor, int(c2) * factor) for c1, c2 in sides]
    elif guideline == 2:
        widths = table[{"GPU": "gpu_c", "ARM": "cpu_c"}[platform]].astype(int) * factor
        groups = table.groups.astype(int)
        whole = [divisible(c, g, widths[0]) for c, g in zip(widths, groups, strict=True)]
        found = [group(c, g) for c, g in zip(whole, groups, strict=True)]
    else:
        c = _WIDTHS[guideline][platform] * factor
        make = {3: fragment, 4: unit}[guideline]
        found = [make(c, arm) for arm in table.arm]
    return dict(zip(table.arm, found, strict=True))


def exact(guideline: int, c: int) -> Arms:
    """Arms of G1 or G2 with exactly equal MACs, all widths powers of two times ``c``.

    Args:
        guideline: 1 for width ratios of 1, 4 and 16; 2 for 1, 4 and 16 groups.
        c: width of the first arm, a multiple of 4.
    """
    if guideline == 1:
        return {f"1:{k * k}": pair(c // k, c * k) for k in FACTORS}
    return {f"g = {k * k}": group(c * k, k * k) for k in FACTORS}


def pair(c1: int, c2: int) -> Arm:
    """An arm of G1."""
    return _arm(partial(blocks.pairs, c1, c2), f"({c1}, {c2})", [(c1, c2, 1), (c2, c1, 1)])


def group(c: int, g: int) -> Arm:
    """An arm of G2."""
    return _arm(partial(blocks.grouped, c, g), str(c), [(c, c, g)])


def fragment(c: int, name: str) -> Arm:
    """An arm of G3: as many MACs as one 1 x 1 convolution of c channels, as near as can be."""
    series, parallel = _FRAGMENTS[name]
    thin = nearest_root(c * c, series * parallel)
    make = partial(blocks.fragmented, thin, series, parallel)
    return _arm(make, str(thin), [(thin, thin, 1)] * series * parallel)


def unit(c: int, name: str) -> Arm:
    """An arm of G4."""
    costs = closed_form.bottleneck(c, c // 4, c, 3, SIDE, SIDE)
    middle = memory.convolution(c // 4, c // 4, 3, SIDE, SIDE)
    access = 2 * memory.pointwise(c, c // 4, SIDE, SIDE) + middle
    make = partial(blocks.bottlenecks, c, *_SWITCHES[name])
    return Arm(make, c, str(c), BLOCKS * costs.macs, BLOCKS * access)


def divisible(c: int, g: int, base: int) -> int:
    """``c``, or if ``g`` does not divide it, the neighbour with MACs nearest to one group's.

    The paper prints 180 channels for 8 groups, which no grouped convolution can have.

    Args:
        c: printed channels.
        g: groups.
        base: channels of the dense convolution with as many MACs.
    """
    lower = c - c % g
    both = (lower, lower + g) if c % g else (c,)
    return int(min(both, key=lambda w: abs(w * w - g * base * base)))


def nearest_root(product: int, parts: int) -> int:
    """The width w for which ``parts`` w^2 is nearest to ``product``."""
    low = isqrt(product // parts)
    return min((low, low + 1), key=lambda w: abs(parts * w * w - product))


def _arm(make: Callable[[], nn.Module], widths: str, layers: list[tuple[int, int, int]]) -> Arm:
    macs = sum(closed_form.pointwise(N, M, SIDE, SIDE, G).macs for N, M, G in layers)
    access = sum(memory.pointwise(N, M, SIDE, SIDE, G) for N, M, G in layers)
    return Arm(make, layers[0][0], widths, BLOCKS * macs, BLOCKS * access)
