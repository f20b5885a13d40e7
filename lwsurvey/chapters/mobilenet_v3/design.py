"""What the built networks show of V3's design, read off a trace of their layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

import pandas as pd

from lwsurvey.models.mobilenet_v2 import round_channels
from lwsurvey.printed_tables import cells, tables, traces

LARGE, SMALL = "torchvision:mobilenet_v3_large", "torchvision:mobilenet_v3_small"
V1, V2, A1 = "timm:mobilenetv1_100", "torchvision:mobilenet_v2", "timm:semnasnet_100"

ACTIVATIONS = ("ReLU", "ReLU6", "Hardswish", "SiLU")
EXCITATIONS = ("SqueezeExcitation", "SqueezeExcite")

EARLIER = (
    "timm:mobilenetv1_100", "timm:mobilenetv2_100", "timm:mnasnet_100", "timm:semnasnet_100",
    "timm:spnasnet_100", "timm:fbnetc_100", "torchvision:shufflenet_v2_x1_0",
    "torchvision:squeezenet1_0",
)  # fmt: skip
"""Mobile networks from before V3 (C275)."""


@dataclass(frozen=True)
class Block:
    """A block as the search tables describe it: kernel, SE, stride and output channels."""

    K: int
    se: bool
    stride: int
    M: int


def rows(name: str) -> pd.DataFrame:
    """The layers of a network in order of execution."""
    return traces.library(name).layers


def parts(name: str) -> dict[str, pd.DataFrame]:
    """The layers of stem and blocks, in order: ``features.i`` of torchvision, and timm's names."""
    layers = rows(name)
    deep = 3 if layers.name.iloc[0] == "conv_stem" else 2
    keys = layers.name.str.split(".").str[:deep].str.join(".")
    found = {key: part for key, part in layers.groupby(keys, sort=False)}
    chosen = ("features.", "blocks.")
    return {key: part for key, part in found.items() if key.startswith(chosen)}


def blocks(name: str) -> list[Block]:
    """Blocks with a depthwise convolution, in order."""
    found = []
    for part in parts(name).values():
        depthwise = part[(part.G > 1).fillna(False)]
        if len(depthwise):
            plain = part[part.N.notna() & ~_inside_excitation(part)]
            se, first = part.kind.isin(EXCITATIONS).any(), depthwise.iloc[0]
            found.append(Block(int(first.K), bool(se), int(first.s), int(plain.M.iloc[-1])))
    return found


def _inside_excitation(part: pd.DataFrame) -> pd.Series:
    names = tuple(f"{name}." for name in part.name[part.kind.isin(EXCITATIONS)])
    return part.name.map(lambda name: bool(names) and name.startswith(names))


def stages(name: str) -> list[tuple[int, bool, int, int, int]]:
    """Runs of blocks of one width: kernel, SE, stride of the first, repeats, channels."""
    runs = [list(run) for _, run in groupby(blocks(name), key=lambda block: block.M)]
    return [(run[0].K, run[0].se, run[0].stride, len(run), run[0].M) for run in runs]


def stem(name: str) -> tuple[int, int]:
    """Kernel and output channels of the first convolution."""
    first = rows(name)[lambda layers: layers.N.notna()].iloc[0]
    return int(first.K), int(first.M)


def side_of(name: str, channels: int) -> int:
    """Side of the map on which the last convolution or linear layer to ``channels`` works."""
    layers = rows(name)
    return int(layers[layers.M.eq(channels).fillna(False)].iloc[-1].side_out)


def inverted_residuals(name: str) -> Iterator[bool]:
    """One value for each block that widens, filters depthwise and narrows: is its end linear?"""
    for part in parts(name).values():
        plain = part[part.N.notna() & ~_inside_excitation(part)]
        if len(plain) == 3 and plain.N.iloc[0] < plain.M.iloc[0] > plain.M.iloc[2]:
            behind = part.loc[plain.index[-1] :].kind
            yield not behind.isin(ACTIVATIONS).any()


# Each function answers one claim or two.


def printed_cells() -> dict[str, pd.DataFrame]:
    """Every cell of the surveys' tables of V3-Large and V3-Small, for `cells.figure`."""
    return {
        title: pd.concat(
            [cells.compare(tables.MEASURES[claim](), claim, how) for claim, how in some.items()],
            ignore_index=True,
        )
        for title, some in tables.TABLES.items()
        if title.startswith("MobileNet V3")
    }


def seed_stages() -> pd.DataFrame:
    """The stages of V3-Large beside those of MnasNet-A1 in the same place (C265)."""
    pairs = zip(stages(LARGE), stages(A1), strict=False)
    table = pd.DataFrame([(*ours, ours[:4] == theirs[:4]) for ours, theirs in pairs])
    table.columns = ["K", "SE", "stride", "blocks", "channels", "as in MnasNet-A1"]
    for column in ("SE", "as in MnasNet-A1"):
        table[column] = table[column].map({True: "yes", False: "no"})
    return table.rename_axis("stage").rename(index=lambda i: i + 1)


def seed_differences() -> dict[str, int]:
    """Blocks of V3-Large as in A1 (kernel and SE), and what differs outside the blocks (C167)."""
    pairs = zip(blocks(LARGE), blocks(A1), strict=False)
    activations = [set(rows(name).kind) & set(ACTIVATIONS) for name in (LARGE, A1)]
    return {
        "blocks as in A1": sum((a.K, a.se) == (b.K, b.se) for a, b in pairs),
        "stem differs": int(stem(LARGE) != stem(A1)),
        "tail differs": int(side_of(LARGE, 1280) != side_of(A1, 1280)),
        "activation differs": int(activations[0] != activations[1]),
    }


def tail() -> dict[str, int]:
    """What stands behind the last residual block of V3-Large, up to the pooling (C109, C272)."""
    layers = rows(LARGE).reset_index(drop=True)
    residual = layers.index[layers.kind == "InvertedResidual"].max()
    pool = layers.index[(layers.kind == "AdaptiveAvgPool2d") & (layers.index > residual)][0]
    between = layers[(layers.index > residual) & (layers.index < pool)]
    between = between[between.N.notna()]
    return {
        "map side of the 1280-wide layer": side_of(LARGE, 1280),
        "3x3 layers in the tail": int((between.K > 1).sum()),
        "projections in the tail": int((between.M < between.N).sum()),
    }


def history() -> dict[str, int]:
    """Presence (1) of the ideas of the MobileNet line in its three networks (C067)."""
    inverted = {name: list(inverted_residuals(name)) for name in (V1, V2, LARGE)}
    return {
        "V1 depthwise": int((rows(V1).G > 1).any()),
        "V1 inverted residual": int(bool(inverted[V1])),
        "V2 inverted residual": int(bool(inverted[V2])),
        "V2 linear projection": int(bool(inverted[V2]) and all(inverted[V2])),
        "V3 inverted residual": int(bool(inverted[LARGE])),
    }


def ingredients() -> dict[str, int]:
    """Presence (1) in V3-Large of what was changed by hand (C076)."""
    kinds = set(rows(LARGE).kind)
    return {
        "SE": int("SqueezeExcitation" in kinds),
        "h-swish": int("Hardswish" in kinds),
        "narrower stem": int(stem(LARGE)[1] < stem(V2)[1]),
        "pooling before the last 1x1": int(side_of(LARGE, 1280) == 1),
    }


def early_hard_swish() -> dict[str, int]:
    """Layers of stem and blocks with h-swish in the first half of them (C282)."""
    found = {}
    for title, name in (("Large", LARGE), ("Small", SMALL)):
        layers = list(parts(name).values())[:-1]  # the last is the 1 x 1 convolution of the tail
        half = layers[: len(layers) // 2]
        found[title] = sum((part.kind == "Hardswish").any() for part in half)
    return {title: int(count) for title, count in found.items()}


def resolution_drops() -> dict[str, float]:
    """Output elements of the first block at a resolution over those at the one before (C281)."""
    calls = traces.library(LARGE).calls
    first: dict[int, int] = {}
    for i in range(1, 16):
        _, C, H, W = calls[f"features.{i}"][0][1]
        first.setdefault(H, C * H * W)
    return {f"{a} to {b}": first[b] / first[a] for a, b in pairwise(first)}


def quarter_share() -> float:
    """Share of the SE modules of V3-Large that narrow to a quarter, rounded to eights (C108)."""
    layers = rows(LARGE)
    inner = layers[layers.name.str.endswith(".fc1")]
    return float(inner.M.eq(inner.N.map(lambda N: round_channels(N / 4))).mean())


def usual_stems() -> pd.DataFrame:
    """Kernel and filters of the first convolution of `EARLIER` networks (C275)."""
    found = [(name.split(":")[1], *stem(name)) for name in EARLIER]
    return pd.DataFrame(found, columns=["network", "kernel", "filters"]).set_index("network")
