"""What the chapter times and trains: the variants of tables 1 to 4, joins, and small networks.

The variants have no batch normalisation: at inference it is folded into the convolution before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isqrt

import torch
from torch import Tensor, nn

from lwsurvey.chapters.shufflenet_v2 import tables
from lwsurvey.cost import closed_form, memory
from lwsurvey.models import small
from lwsurvey.models.blocks import Residual, channel_shuffle, same_convolution

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

STRONGEST = {
    "G1: widths 1:16": (1, "1:16", "1:1"),
    "G2: 16 groups": (2, "g = 16", "g = 1"),
    "G3: 4 in series": (3, "4-fragment-series", "1-fragment"),
    "G3: 4 in parallel": (3, "4-fragment-parallel", "1-fragment"),
    "G4: ReLU and shortcut": (4, "ReLU and shortcut", "neither"),
}
"""Name of a violation: its guideline, the variant that violates, the variant that complies."""

V2 = "ShuffleNet V2"
RIVALS = ("ShuffleNet V1", "MobileNet V1", "MobileNet V2")
UNSHUFFLED = "ShuffleNet V2, no shuffle"


@dataclass(frozen=True)
class Variant:
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


Variants = Mapping[str, Variant]


def printed_column(guideline: int, platform: str, column: int) -> Variants:
    """The variants of a column of a table, in its order.

    Args:
        guideline: 1 to 4.
        platform: ``GPU`` or ``ARM``, which have columns of different widths.
        column: 0, 1 or 2.
    """
    table = tables.printed(guideline)
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
        found = [make(c, variant) for variant in table.variant]
    return dict(zip(table.variant, found, strict=True))


def exact(guideline: int, c: int) -> Variants:
    """Variants of G1 or G2 with exactly equal MACs, all widths powers of two times ``c``.

    Args:
        guideline: 1 for width ratios of 1, 4 and 16; 2 for 1, 4 and 16 groups.
        c: width of the first variant, a multiple of 4.
    """
    if guideline == 1:
        return {f"1:{k * k}": pair(c // k, c * k) for k in FACTORS}
    return {f"g = {k * k}": group(c * k, k * k) for k in FACTORS}


def strongest(guideline: int, c: int = 128) -> Variants:
    """The variants of `STRONGEST` of a guideline, the compliant one first.

    Args:
        guideline: 1 to 4.
        c: channels of the compliant variant, a multiple of 16. Of the paper's tables 1 to 4,
            128 is the one width that both halves have.
    """
    pairs = [pair for number, *pair in STRONGEST.values() if number == guideline]
    names = dict.fromkeys([pairs[0][1], *(bad for bad, _ in pairs)])
    if guideline in (1, 2):
        return {name: exact(guideline, c)[name] for name in names}
    make = {3: fragment, 4: unit}[guideline]
    return {name: make(c, name) for name in names}


def pair(c1: int, c2: int) -> Variant:
    """A variant of G1: a 1 x 1 convolution from c1 to c2 channels and one back."""
    return _variant(f"({c1}, {c2})", [(c1, c2, 1), (c2, c1, 1)])


def group(c: int, g: int) -> Variant:
    """A variant of G2: 1 x 1 convolutions of c channels in g groups."""
    return _variant(str(c), [(c, c, g)])


def fragment(c: int, name: str) -> Variant:
    """A variant of G3: as many MACs as one 1 x 1 convolution of c channels, or nearly."""
    series, parallel = _FRAGMENTS[name]
    thin = nearest_root(c * c, series * parallel)
    variant = _variant(str(thin), [(thin, thin, 1)] * series * parallel)
    if parallel == 1:
        return variant
    return replace(variant, make=partial(_repeat, [partial(Parallel, thin, parallel)]))


def unit(c: int, name: str) -> Variant:
    """A variant of G4."""
    costs = closed_form.bottleneck(c, c // 4, c, 3, SIDE, SIDE)
    middle = memory.convolution(c // 4, c // 4, 3, SIDE, SIDE)
    access = 2 * memory.pointwise(c, c // 4, SIDE, SIDE) + middle
    make = partial(_repeat, [partial(Bottleneck, c, *_SWITCHES[name])])
    return Variant(make, c, str(c), BLOCKS * costs.macs, BLOCKS * access)


def _variant(widths: str, layers: list[tuple[int, int, int]]) -> Variant:
    """1 x 1 convolutions in a row: input channels, output channels and groups of each."""
    macs = sum(closed_form.pointwise(N, M, SIDE, SIDE, G).macs for N, M, G in layers)
    access = sum(memory.pointwise(N, M, SIDE, SIDE, G) for N, M, G in layers)
    makes = [partial(same_convolution, N, M, 1, groups=G) for N, M, G in layers]
    return Variant(partial(_repeat, makes), layers[0][0], widths, BLOCKS * macs, BLOCKS * access)


def _repeat(makes: Sequence[Callable[[], nn.Module]]) -> nn.Sequential:
    """What is made, in a row, `BLOCKS` times."""
    return nn.Sequential(*(make() for _ in range(BLOCKS) for make in makes))


class Bottleneck(Residual):
    """G4's unit: 1 x 1 to c / 4 channels, 3 x 3, 1 x 1 back; ReLU and shortcut can be left out.

    Like ResNet's, it adds and applies ReLU in place.
    """

    def __init__(self, c: int, relu: bool = True, shortcut: bool = True) -> None:
        middle = c // 4
        active = [nn.ReLU(inplace=True)] if relu else []
        branch = nn.Sequential(
            same_convolution(c, middle, 1), *active, same_convolution(middle, middle, 3), *active,
            same_convolution(middle, c, 1),
        )  # fmt: skip
        super().__init__(branch, nn.Identity() if shortcut else None, relu=relu)

    def forward(self, x: Tensor) -> Tensor:
        out = self.branch(x)
        if self.shortcut is not None:
            out += x
        return out.relu_() if self.relu else out


class Parallel(nn.ModuleList):
    """1 x 1 convolutions of the same input, added up (figure 1 of the appendix, d and e)."""

    def __init__(self, c: int, fragments: int) -> None:
        super().__init__(same_convolution(c, c, 1) for _ in range(fragments))

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self
        total = first(x)
        for other in others:
            total += other(x)
        return total


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


# Between two units of ShuffleNet V2: join, shuffle, split.

Halves = tuple[Tensor, Tensor]


def three_steps(kept: Tensor, made: Tensor) -> Halves:
    """Join, shuffle and split one after the other.

    Args:
        kept: the half that passed untouched, shape ``(batch, c, H, W)``.
        made: the half that was computed, same shape.

    Returns:
        both halves of the next unit's input, same shapes.
    """
    first, second = channel_shuffle(torch.cat([kept, made], dim=1), 2).chunk(2, dim=1)
    return first, second


def one_copy(kept: Tensor, made: Tensor) -> Halves:
    """The same in one copy: channel i of both halves goes to places 2 i and 2 i + 1."""
    first, second = torch.stack([kept, made], dim=2).flatten(1, 2).chunk(2, dim=1)
    return first, second


def one_gather(kept: Tensor, made: Tensor) -> Halves:
    """The same as one gather with a fixed index from the joined map."""
    joined = torch.cat([kept, made], dim=1)
    order = channel_shuffle(torch.arange(joined.shape[1]).reshape(1, -1, 1, 1), 2).flatten()
    first, second = joined[:, order].chunk(2, dim=1)
    return first, second


class Join(nn.Module):
    """One of the functions above as a module, so that it can be counted and timed."""

    def __init__(self, way: Callable[[Tensor, Tensor], Halves]) -> None:
        super().__init__()
        self.way = way

    def forward(self, kept: Tensor, made: Tensor) -> Halves:
        return self.way(kept, made)


# Small networks of equal MACs that are trained on Fashion-MNIST.


def small_networks(macs: int) -> Mapping[str, Callable[[], nn.Module]]:
    """What makes each network: V2, its rivals, and V2 without its shuffle.

    Args:
        macs: that every network has, within the 5 % of `lwsurvey.models.small.match_macs`.
    """
    families = (
        small.shufflenet_v2, small.shufflenet_v1, small.mobilenet_v1, small.mobilenet_v2
    )  # fmt: skip
    made = {
        name: partial(small.match_macs, family, macs)
        for name, family in zip((V2, *RIVALS), families, strict=True)
    }
    return made | {UNSHUFFLED: partial(small.match_macs, small.shufflenet_v2, macs, shuffle=False)}
