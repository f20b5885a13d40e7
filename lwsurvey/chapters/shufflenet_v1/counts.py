"""What ShuffleNet V1 and its units cost, counted on the built network."""

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
    counted = cost.count(net, IMAGE)
    classifier = net.head.linear.in_features * net.head.linear.out_features
    with_it, without = counted.macs / 1e6, (counted.macs - classifier) / 1e6
    return {
        "network": f"{scale:g}×, g = {groups}",
        "stage 2": net.head.linear.in_features // 4,
        "printed": printed,
        "without classifier": without,
        "with": with_it,
        "printed is": _which(printed, {"without classifier": without, "with": with_it}),
        "parameters": counted.parameters,
    }


def _which(printed: int, counts: dict[str, float]) -> str:
    names = [name for name, value in counts.items() if round(value) == printed]
    return "either" if len(names) == len(counts) else (names or ["neither"])[0]


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


def pointwise_share(unit: nn.Module, shape: tuple[int, ...]) -> float:
    """Share of a module's MACs that its 1 x 1 convolutions do, in per cent."""
    layers = cost.profile(unit, shape).layers
    pointwise = layers[layers.kernel.map(lambda k: k == (1, 1))]
    return 100 * pointwise.macs.sum() / layers.macs.sum()


def resnext_branch(groups: int, N: int = 256, B: int = 128, cardinality: int = 32) -> nn.Module:
    """The three convolutions of a ResNeXt unit (Xie et al. 2017), its 1 x 1 in groups.

    Args:
        groups: of both 1 x 1 convolutions; ResNeXt itself has 1.
        N: input and output channels.
        B: channels in the middle.
        cardinality: groups of the 3 x 3 convolution.
    """
    return nn.Sequential(
        same_convolution(N, B, 1, groups=groups),
        same_convolution(B, B, 3, groups=cardinality),
        same_convolution(B, N, 1, groups=groups),
    )


def resnext(groups: tuple[int, ...] = (1, 2, 4, 8), side: int = 14) -> pd.DataFrame:
    """What grouping its 1 x 1 convolutions does to a ResNeXt unit, a row a number of groups."""
    rows = []
    for g in groups:
        unit, shape = resnext_branch(g), (1, 256, side, side)
        rows.append({"g": g, "MACs": cost.count(unit, shape).macs})
        rows[-1]["1 × 1, %"] = pointwise_share(unit, shape)
    return pd.DataFrame(rows).set_index("g")


def without_bottleneck(M: int, groups: int) -> nn.Module:
    """The branch of the unit of stride 1 with all ``M`` channels in its middle, not a quarter."""
    return nn.Sequential(
        same_convolution(M, M, 1, groups=groups), norm_relu(M), ChannelShuffle(groups),
        same_convolution(M, M, 3, groups=M), nn.BatchNorm2d(M),
        same_convolution(M, M, 1, groups=groups), nn.BatchNorm2d(M),
    )  # fmt: skip
