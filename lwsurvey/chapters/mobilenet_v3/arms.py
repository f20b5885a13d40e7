"""The networks that the chapter trains: V2-like, step by step to V3."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import nn

from lwsurvey.models import small

WIDTH = 12
"""Channels at 7 x 7 of all arms."""

PLAIN, SQUEEZED, HARD, SHORT, V3, SOFT = (
    "V2-like", "+ SE", "+ h-swish", "+ short tail", "+ thin stem = V3", "V3, soft"
)  # fmt: skip

Make = Callable[[], nn.Module]


def network(plain_stem: bool = False, **options: Any) -> nn.Module:
    """`small.mobilenet_v3` of `WIDTH`; equal layers of all arms begin with equal weights.

    Args:
        plain_stem: ReLU in the stem, as the 32-filter stem has it.
        options: of `small.mobilenet_v3`.
    """
    base = int(torch.randint(2**31, ()))
    net = small.mobilenet_v3(WIDTH, **options)
    if plain_stem:
        net.stem[2] = nn.ReLU()
    _redraw(net, base)
    return net


def _redraw(net: nn.Module, base: int) -> None:
    """Draw each layer's weights from a seed of its name, so that layers of one name and one
    shape begin alike in all arms, whatever stands before them."""
    with torch.random.fork_rng(devices=[]):
        for name, part in net.named_modules():
            if hasattr(part, "reset_parameters"):
                torch.manual_seed(base + zlib.crc32(name.encode()))
                part.reset_parameters()


def arms() -> dict[str, Make]:
    """V2-like, then one change after the other up to V3; and V3 with the soft functions."""
    before = dict(plain_stem=True, stem=32)
    steps = {
        PLAIN: before | dict(squeeze=False, activation=nn.ReLU, tail="original"),
        SQUEEZED: before | dict(activation=nn.ReLU, tail="original"),
        HARD: before | dict(tail="original"),
        SHORT: before,
        V3: {},
        SOFT: dict(activation=nn.SiLU, gate=nn.Sigmoid),
    }
    return {name: partial(network, **options) for name, options in steps.items()}


def costs() -> pd.DataFrame:
    """MACs and parameters of each arm for one image."""
    return small.costs(arms()).rename_axis("network")
