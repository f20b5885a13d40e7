"""Networks of equal cost: the widths at which a builder needs given MACs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import torch
from torch import nn

from lwsurvey import cost
from lwsurvey.models.blocks import WidthError

WITHIN = 0.05
"""The largest relative distance from the wanted MACs."""

CLOSE = 0.01
"""A distance that is not improved upon by another ratio of the widths."""

RATIO = (1.5, 2.5)
"""Ratios of the late to the early width that are tried where 2 gives nothing `CLOSE`."""

WIDEST = 2048

FREE = (nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.Hardswish)
"""Layers without MACs, which take most of the time of a count."""

Builder = Callable[..., nn.Module]
Options = tuple[tuple[str, Any], ...]
Widths = tuple[int, int]
Count = Callable[[int, int], int]


def match_macs(builder: Builder, macs: int, **options: Any) -> nn.Module:
    """A network of ``lwsurvey.models.small`` whose MACs are nearest to ``macs``.

    The late width is twice the early one if that comes within 1 %; where the groups leave too
    few widths, it may be 1.5 to 2.5 times the early one. The search draws no random numbers,
    and its result is remembered.

    Args:
        builder: such as ``small.shufflenet_v1``: takes ``width``, ``late`` and ``options``, and
            raises `WidthError` for a width that it does not take.
        macs: multiply-accumulates for one image of 28 x 28.
        options: for the builder.

    Raises:
        ValueError: the nearest is further away than 5 %, no width suits the builder, or
            ``macs`` is not positive.
    """
    width, late = match_widths(builder, macs, **options)
    return builder(width, late=late, **options)


def match_widths(builder: Builder, macs: int, **options: Any) -> tuple[int, int]:
    """The widths at 7 x 7 and at 4 x 4 of `match_macs`, with the same arguments and errors."""
    if macs < 1:
        raise ValueError(f"the wanted MACs are 1 or more, not {macs}")
    return _widths(builder, int(macs), tuple(sorted(options.items())))


@lru_cache(maxsize=256)
def _widths(builder: Builder, macs: int, options: Options) -> Widths:
    first, step = _valid(builder, options)
    counted = partial(_macs, builder, options)
    rule = _rule(counted, first, step)
    nearest, looked_at = _nearest(rule, macs, first, step)
    # What the rule says is counted where it decides; a builder that breaks it is counted all over.
    if any(rule(*widths) != counted(*widths) for widths in (nearest, *looked_at)):
        nearest, _ = _nearest(counted, macs, first, step)
    off = counted(*nearest) / macs - 1
    if abs(off) > WITHIN:
        raise ValueError(
            f"no width of {_name(builder, options)} comes within {WITHIN:.0%} of {macs} MACs; "
            f"the nearest, {nearest[0]} and {nearest[1]} channels, is off by {off:+.1%}"
        )
    return nearest


def _rule(counted: Count, first: int, step: int) -> Count:
    """MACs as the polynomial of second degree in both widths that six counts determine.

    It is one if all channels are multiples of the two widths, or fixed. By Newton's forward
    differences in steps of the early width, and of the late one beyond twice the early one.
    """
    ways = [(i, j) for i in range(3) for j in range(3 - i)]
    at = {(i, j): counted(w := first + i * step, 2 * w + j * step) for i, j in ways}
    both = at[1, 1] - at[1, 0] - at[0, 1] + at[0, 0]
    early = at[1, 0] - at[0, 0], at[2, 0] - 2 * at[1, 0] + at[0, 0]
    late = at[0, 1] - at[0, 0], at[0, 2] - 2 * at[0, 1] + at[0, 0]

    def macs(width: int, later: int) -> int:
        i, j = (width - first) // step, (later - 2 * width) // step
        along = early[0] * i + early[1] * i * (i - 1) // 2
        return at[0, 0] + along + late[0] * j + late[1] * j * (j - 1) // 2 + both * i * j

    return macs


def _nearest(counts: Count, macs: int, first: int, step: int) -> tuple[Widths, list[Widths]]:
    """The widths that come nearest to the wanted MACs, and those at the ratio of 2 around them."""

    def off(widths: Widths) -> float:
        return counts(*widths) / macs - 1

    found = [(w, 2 * w) for w in _around(lambda w: off((w, 2 * w)), first, WIDEST, step)]
    nearest = min(found, key=lambda widths: abs(off(widths)))
    if abs(off(nearest)) > CLOSE:
        others = [*found, *_other_ratios(off, found, first, step)]
        nearest = min(others, key=lambda widths: abs(off(widths)))
    return nearest, found


def _around(off: Callable[[int], float], first: int, last: int, step: int) -> list[int]:
    """The widths just below and just above the wanted MACs, which grow with the width."""
    low, high = 0, (last - first) // step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if off(first + middle * step) <= 0 else (low, middle)
    return [first + low * step, first + high * step]


def _other_ratios(
    off: Callable[[Widths], float], found: list[Widths], first: int, step: int
) -> Iterator[Widths]:
    widths = sorted({width + more for width, _ in found for more in (-step, 0, step)})
    for width in (w for w in widths if w >= first):
        # The least and the greatest multiple of the step within the ratios.
        least, most = -(-RATIO[0] * width // step) * step, RATIO[1] * width // step * step
        for late in _around(lambda m, w=width: off((w, m)), int(least), int(most), step):
            yield width, late


def _valid(builder: Builder, options: Options) -> tuple[int, int]:
    """The least width that the builder takes, and the step to the next one."""
    found: list[int] = []
    for width in range(1, 257):
        try:
            _built(builder, width, 2 * width, options)
        except WidthError:
            continue
        found.append(width)
        if len(found) == 2:
            return found[0], found[1] - found[0]
    raise ValueError(f"{_name(builder, options)} takes no two widths up to 256")


@lru_cache(maxsize=4096)
def _macs(builder: Builder, options: Options, width: int, late: int) -> int:
    return cost.count(_bare(_built(builder, width, late, options)), (1, 1, 28, 28)).macs


def _bare(network: nn.Module) -> nn.Module:
    """The network itself, without what costs no MACs."""
    for part in list(network.modules()):
        for name, child in part.named_children():
            if type(child) in FREE:
                setattr(part, name, nn.Identity())
    return network


def _built(builder: Builder, width: int, late: int, options: Options) -> nn.Module:
    # Nothing is drawn on the meta device, so that a search does not move the random numbers.
    with torch.device("meta"):
        return builder(width, late=late, **dict(options))


def _name(builder: Builder, options: Options) -> str:
    given = ", ".join(f"{key}={value!r}" for key, value in options)
    return f"{getattr(builder, '__name__', 'the builder')}({given})"
