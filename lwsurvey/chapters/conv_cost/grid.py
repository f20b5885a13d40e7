"""Closed forms against real layers, over a grid of kernels, channels, strides and paddings."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pandas as pd
import torch
from torch import nn

from lwsurvey.cost import closed_form
from lwsurvey.cost.closed_form import Cost
from lwsurvey.cost.count import count, multiplications

KERNELS = ((1, 1), (3, 3), (5, 5), (1, 7), (3, 1))
CHANNELS = ((8, 8), (8, 24), (16, 8))
STRIDES, PADDINGS, GROUPS, MULTIPLIERS = (1, 2, 3), (0, 1, 2), (2, 4, 8), (1, 2, 3)


def settings(largest_map: int) -> pd.DataFrame:
    """All combinations, with two input maps that are not square.

    Raises:
        ValueError: the larger map is not larger than the smaller one, 7 x 9.
    """
    if largest_map < 8:
        raise ValueError(f"largest_map must be 8 or more, it is {largest_map}")
    maps = ((7, 9), (largest_map, largest_map + 3))
    rows = product(KERNELS, CHANNELS, STRIDES, PADDINGS, maps)
    return pd.DataFrame(rows, columns=["K", "channels", "stride", "padding", "map_in"])


def disagreements(grid: pd.DataFrame) -> pd.DataFrame:
    """One row a setting, one column a formula: True where a real layer does not obey it."""
    return pd.DataFrame([compare(*setting) for setting in grid.itertuples(index=False)])


def compare(K, channels, stride, padding, map_in) -> dict[str, bool]:
    """One setting: for each formula whether a real layer differs from it, by integers."""
    (N, M), (K_h, K_w) = channels, K
    sizes = zip(map_in, K, strict=True)
    H, W = (closed_form.output_size(side, k, stride, padding) for side, k in sizes)
    how = (K, map_in, stride, padding)
    dense, depth, point = real(N, M, *how), real(N, N, *how, G=N), real(N, M, (1, 1), (H, W))
    pair = depth + point
    groups = {1: dense} | {G: real(N, M, *how, G=G) for G in GROUPS}
    by_torch = {G: _torch_count(N, M, *how, G=G) for G in groups}
    return {
        "standard": dense.macs != closed_form.convolution(N, M, K, H, W).macs,
        "grouped": any(
            g.macs * G != dense.macs or g != closed_form.convolution(N, M, K, H, W, G)
            for G, g in groups.items()
        ),
        "depthwise": any(_depthwise_off(N, m, H, W, how) for m in MULTIPLIERS),
        "depthwise stage": depth.macs != H * W * K_h * K_w * N,
        "pointwise": point.macs != closed_form.pointwise(N, M, H, W).macs,
        "separable": pair.macs != closed_form.separable(N, M, K, H, W).macs,
        "ratio": Fraction(pair.macs, dense.macs) != Fraction(1, M) + Fraction(1, K_h * K_w),
        "weights": (dense.parameters, pair.parameters) != (K_h * K_w * N * M, N * (K_h * K_w + M)),
        "output shape": not _same_shape(N, M, *how),
        "PyTorch's counter": by_torch != groups or _torch_count(N, N, *how, G=N) != depth,
    }


def _depthwise_off(N, m, H, W, how) -> bool:
    """Whether m filters a channel cost other than H W K^2 M, or than 1/N of the dense layer."""
    K, M = how[0], m * N
    thin, full = real(N, M, *how, G=N), real(N, M, *how)
    formula = H * W * K[0] * K[1] * M
    closed = closed_form.depthwise(N, K, H, W, m)
    return thin.macs != formula or thin.macs * N != full.macs or thin != closed


def real(N, M, K, map_in, stride=1, padding=0, G=1) -> Cost:
    """Cost of a real layer: multiplications by running it, weights from its tensor."""
    layer = nn.Conv2d(N, M, K, stride, padding, groups=G, bias=False)
    return Cost(multiplications(layer, *map_in), layer.weight.numel())


def _torch_count(N, M, K, map_in, stride, padding, G=1) -> Cost:
    with torch.device("meta"):
        layer = nn.Conv2d(N, M, K, stride, padding, groups=G, bias=False)
    return count(layer, (1, N, *map_in))


def _same_shape(N, M, K, map_in, stride, padding) -> bool:
    with torch.device("meta"):
        x = torch.empty(1, N, *map_in)
        dense = nn.Conv2d(N, M, K, stride, padding)
        pair = nn.Sequential(nn.Conv2d(N, N, K, stride, padding, groups=N), nn.Conv2d(N, M, 1))
    return dense(x).shape == pair(x).shape
