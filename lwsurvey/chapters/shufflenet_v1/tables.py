"""What ShuffleNet V1 and its units cost, counted and as printed."""

from __future__ import annotations

import pandas as pd
from torch import nn

from lwsurvey import cost
from lwsurvey.models.blocks import ChannelShuffle, norm_relu, same_convolution
from lwsurvey.models.shufflenet_v1 import ShuffleNetV1

IMAGE = (1, 3, 224, 224)
PUBLISHED = {
    (1, 1.0): 143, (2, 1.0): 140, (3, 1.0): 137, (4, 1.0): 133, (8, 1.0): 137, (3, 1.5): 292,
}  # fmt: skip
"""Millions of MACs by groups and scale: zhang2018shufflenet, table 1 (row "Complexity"), and
for 1.5x its table of networks. They leave the classifier out, but that of 1.5x contains it."""


def complexity() -> pd.DataFrame:
    """The printed networks: widths, MACs in millions beside the printed ones, parameters.

    The column ``printed is`` names the count that the printed figure is when it is rounded.
    """
    rows = [_row(groups, scale, printed) for (groups, scale), printed in PUBLISHED.items()]
    return pd.DataFrame(rows).set_index("network")


def _row(groups: int, scale: float, printed: int) -> dict[str, object]:
    net = ShuffleNetV1(groups, scale)
    counted, linear = cost.count(net, IMAGE), net.head.linear
    without = (counted.macs - linear.in_features * linear.out_features) / 1e6
    counts = {"without classifier": without, "with": counted.macs / 1e6}
    equal = [name for name, value in counts.items() if round(value) == printed]
    return {
        "network": f"{scale:g}×, g = {groups}",
        "stage 2": linear.in_features // 4,
        "printed": printed,
        **counts,
        "printed is": "either" if len(equal) == len(counts) else (equal or ["neither"])[0],
        "parameters": counted.parameters,
    }


def larger_ratio(module: nn.Module, other: nn.Module, shape: tuple[int, ...]) -> float:
    """The larger of two ratios of a module to another: MACs, and weights of the convolutions."""
    one, two = (cost.profile(m, shape).layers for m in (module, other))
    one, two = (layers[layers.kind == "Conv2d"] for layers in (one, two))
    return max(one.macs.sum() / two.macs.sum(), one.parameters.sum() / two.parameters.sum())


def access_share(on: nn.Module, off: nn.Module, shape: tuple[int, ...]) -> float:
    """Share of the memory access of a module, in %, that it has beyond another one.

    Weights are counted as read once; each operator reads and writes its maps whole.
    """
    more, less = (cost.profile(module, shape).memory_access for module in (on, off))
    return 100 * (1 - less / more)


def resnext() -> pd.DataFrame:
    """What grouping its 1 x 1 convolutions does to a ResNeXt unit (Xie et al. 2017).

    Returns:
        MACs on a 14 x 14 map, and the share in per cent that the 1 x 1 convolutions do, a row
        for each number of groups; ResNeXt itself has 1.
    """
    rows = {}
    for g in (1, 2, 4, 8):
        unit = nn.Sequential(
            same_convolution(256, 128, 1, groups=g),
            same_convolution(128, 128, 3, groups=32),
            same_convolution(128, 256, 1, groups=g),
        )
        macs = cost.profile(unit, (1, 256, 14, 14)).layers.macs
        pointwise = macs.iloc[[0, 2]].sum()
        rows[g] = {"MACs": macs.sum(), "1 × 1, %": 100 * pointwise / macs.sum()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("g")


def without_bottleneck(M: int, groups: int) -> nn.Module:
    """The branch of the unit of stride 1 with all ``M`` channels in its middle, not a quarter."""
    return nn.Sequential(
        same_convolution(M, M, 1, groups=groups), norm_relu(M), ChannelShuffle(groups),
        same_convolution(M, M, 3, groups=M), nn.BatchNorm2d(M),
        same_convolution(M, M, 1, groups=groups), nn.BatchNorm2d(M),
    )  # fmt: skip
