"""What the paper prints of its own networks and of others, and what we count."""

from __future__ import annotations

from functools import cache

import pandas as pd
from torch import nn

from lwsurvey import cost, paths
from lwsurvey.cost.closed_form import MOBILENET_V1
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.printed_tables import comparisons, traces

ALPHAS = (1.0, 0.75, 0.5, 0.25)
SIDES = (224, 192, 160, 128)
"""Multipliers and image sides of the paper's grid (Howard et al. 2017, section 3.3 and 4.2)."""


def printed() -> pd.DataFrame:
    """What the paper prints of its own networks and of others (tables 4 to 9).

    Indexed by the names there; ``top1`` in per cent on ImageNet, ``macs`` and ``parameters``
    in millions; empty where the paper prints nothing.
    """
    table = pd.read_csv(paths.data("papers/papers_mobilenetv1.csv")).set_index("variant")
    names = {"paper_madds_M": "macs", "paper_params_M": "parameters"}
    return table.rename(columns=names)[["top1", *names.values()]]


def multipliers(name: str) -> tuple[float, int] | None:
    """Width multiplier and side of a name such as "0.75-224" or "0.50 MobileNet-160"."""
    alpha, dash, side = name.replace(" MobileNet", "").partition("-")
    return (float(alpha), int(side)) if dash and side.isdigit() else None


@cache
def net(alpha: float = 1.0, block: str = "separable") -> nn.Module:
    """MobileNet V1 on the meta device, made once; do not change it."""
    return traces.on_meta(MobileNetV1, alpha, block)


@cache
def counted(alpha: float = 1.0, side: int = 224, block: str = "separable") -> cost.Profile:
    """The profile of MobileNet V1 for one image; do not change it."""
    return cost.profile(net(alpha, block), (1, 3, side, side))


def weights(module: nn.Module) -> int:
    """Weights of convolutions and classifier, which is what the paper counts."""
    return sum(p.numel() for p in module.parameters() if p.dim() > 1)


def grid() -> pd.DataFrame:
    """All 16 networks: our counts in millions next to the printed ones, and the cited top-1."""
    cited = {at: row for name, row in printed().iterrows() if (at := multipliers(name))}
    rows = {
        (alpha, side): {
            "MACs": counted(alpha, side).macs / 1e6, "weights": weights(net(alpha)) / 1e6
        } for alpha in ALPHAS for side in SIDES
    }  # fmt: skip
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["alpha", "side"])
    told = pd.DataFrame.from_dict(cited, orient="index").rename_axis(["alpha", "side"])
    return frame.join(told.rename(columns={"macs": "MACs printed", "parameters": "printed"}))


def block_formula(alpha: float, side: int) -> int:
    """MACs of the 13 separable blocks by the paper's equation with both multipliers.

    ``D_F`` is the side of the block's *output* map (the notes write input).
    """
    total = 0
    for N, M, full_side in MOBILENET_V1:
        n, m, d = alpha * N, alpha * M, full_side * side // 224
        total += 9 * n * d**2 + n * m * d**2
    return int(total)


def block_macs(alpha: float, side: int) -> int:
    """MACs of the 13 blocks of the built network."""
    layers = counted(alpha, side).layers
    return int(layers[layers.name.str.startswith("blocks.")].macs.sum())


def spatial_kernels(block: str) -> int:
    """How many 3 x 3 kernels the 13 blocks have: weights of 3 x 3 layers over nine."""
    convolutions = [m for m in net(1.0, block).blocks.modules() if isinstance(m, nn.Conv2d)]
    return sum(c.weight.numel() for c in convolutions if c.kernel_size == (3, 3)) // 9


def rivals() -> pd.DataFrame:
    """The networks of the paper's tables 4, 8 and 9: cited top-1, millions printed and counted."""
    cited = {"MobileNet": "1.0-224", "0.50 MobileNet-160": "0.50-160", "GoogLeNet": "GoogleNet"}
    counts = comparisons.v1()
    told = printed().loc[[cited.get(name, name) for name in counts.index]]
    return pd.DataFrame(
        {
            "top-1, %": told.top1.to_numpy(),
            "MACs printed": told.macs.to_numpy(),
            "counted": counts.macs,
            "parameters printed": told.parameters.to_numpy(),
            "counted ": counts.parameters,
        },
        index=counts.index,
    )
