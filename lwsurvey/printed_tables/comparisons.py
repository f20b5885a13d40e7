"""Whole networks side by side: V1's tables 4, 8 and 9, and V3's table 3."""

from __future__ import annotations

from functools import cache

import pandas as pd
from torch import nn

from lwsurvey import cost
from lwsurvey.models import zoo
from lwsurvey.models.alexnet import SIDE, AlexNet
from lwsurvey.models.blocks import Head, InvertedResidual, conv_norm
from lwsurvey.models.googlenet import GoogLeNet
from lwsurvey.printed_tables import mobilenets, traces

MEGA = 1e6
V3_TABLE = {
    "V3-Large 1.0": "timm:mobilenetv3_large_100",
    "V3-Large 0.75": "timm:mobilenetv3_large_075",
    "MnasNet-A1": "timm:semnasnet_100",
    "Proxyless": "",
    "V2 1.0": "timm:mobilenetv2_100",
    "V3-Small 1.0": "timm:mobilenetv3_small_100",
    "V3-Small 0.75": "timm:mobilenetv3_small_075",
    "V2 0.35": "timm:mobilenetv2_035",
}
"""Rows of V3's table 3 and what is counted for them; Proxyless is built here."""

PROXYLESS = (
    (3, 1, 16, 1),
    (5, 3, 32, 2), (3, 3, 32, 1),
    (7, 3, 40, 2), (3, 3, 40, 1), (5, 3, 40, 1), (5, 3, 40, 1),
    (7, 6, 80, 2), (5, 3, 80, 1), (5, 3, 80, 1), (5, 3, 80, 1),
    (5, 6, 96, 1), (5, 3, 96, 1), (5, 3, 96, 1), (5, 3, 96, 1),
    (7, 6, 192, 2), (7, 6, 192, 1), (7, 3, 192, 1), (7, 3, 192, 1),
    (7, 6, 320, 1),
)  # fmt: skip
"""Kernel, expansion, output channels and stride; blocks that the search skipped left out."""


class ProxylessMobile(nn.Sequential):
    """ProxylessNAS for phones (Cai et al. 2019), which neither torchvision nor timm has.

    For images of shape ``(batch, 3, H, W)``. The blocks are those of the authors' published
    network description (github mit-han-lab/proxylessnas, ``proxyless_mobile``), as read in
    github osmr/imgclsmob, which also gives the number of its parameters.

    Args:
        classes: outputs.

    Raises:
        ValueError: there is no class.
    """

    def __init__(self, classes: int = 1000) -> None:
        N, last = 32, 1280
        layers: list[nn.Module] = [conv_norm(3, N, 3, stride=2, activation=nn.ReLU6)]
        for K, t, M, stride in PROXYLESS:
            layers.append(InvertedResidual(N, M, hidden=t * N, K=K, stride=stride))
            N = M
        super().__init__(*layers, conv_norm(N, last, activation=nn.ReLU6), Head(last, classes))


@cache
def v3() -> pd.DataFrame:
    """Million MACs and parameters at 224 x 224 of the networks of `V3_TABLE` (C286, C659).

    The table's "Mnas-small" is missing: its network was never published.
    """
    rows = {}
    for name, library in V3_TABLE.items():
        network = zoo.load(library) if library else traces.on_meta(ProxylessMobile)
        rows[name] = _millions(cost.profile(network, (1, 3, 224, 224)))
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="network"))


@cache
def v1() -> pd.DataFrame:
    """Million MACs and parameters of the networks of V1's tables 4, 8 and 9, as printed there.

    ``parameters`` are what the printed figures mean: of the MobileNets and GoogLeNet the
    weights of convolutions and classifier, of VGG16, SqueezeNet and AlexNet all parameters.
    """
    twins = mobilenets.twins()
    rows = {
        "Conv MobileNet": _weights(twins.loc["standard"]),
        "MobileNet": _weights(twins.loc["separable"]),
        "GoogLeNet": _counted(traces.on_meta(GoogLeNet, bias=False)),
        "VGG16": _counted(zoo.load("torchvision:vgg16")),
        "0.50 MobileNet-160": _weights(mobilenets.half_at_160()),
        "SqueezeNet": _counted(zoo.load("torchvision:squeezenet1_0")),
        "AlexNet": _counted(traces.on_meta(AlexNet), SIDE),
    }
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="network"))


def _counted(network, side: int = 224) -> dict[str, float]:
    return _millions(cost.profile(network, (1, 3, side, side)))


def _millions(profile: cost.Profile) -> dict[str, float]:
    return {"macs": profile.macs / MEGA, "parameters": profile.parameters / MEGA}


def _weights(counted) -> dict[str, float]:
    return {"macs": counted["macs"] / MEGA, "parameters": counted["weights"] / MEGA}
