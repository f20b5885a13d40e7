"""Whole numbers of channels, as the MobileNets round them."""

from __future__ import annotations


def rounded(channels: float, multiple: int = 8) -> int:
    """The nearest multiple, upwards from the middle, and never less than nine tenths.

    The rule of the authors' code of MobileNet V2 and V3; the papers do not print it.

    Args:
        channels: such as a width times a multiplier.
        multiple: what must divide the result, and the least result.
    """
    nearest = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return nearest + multiple if nearest < 0.9 * channels else nearest
