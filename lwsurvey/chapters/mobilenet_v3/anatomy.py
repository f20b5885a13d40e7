"""Stems, blocks and stages of the built networks, read off a trace of their layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from lwsurvey.printed_tables import traces

LARGE, SMALL = "torchvision:mobilenet_v3_large", "torchvision:mobilenet_v3_small"
V1, V2, A1 = "timm:mobilenetv1_100", "torchvision:mobilenet_v2", "timm:semnasnet_100"

ACTIVATIONS = ("ReLU", "ReLU6", "Hardswish", "SiLU")
EXCITATIONS = ("SqueezeExcitation", "SqueezeExcite")


@dataclass(frozen=True)
class Block:
    """A block as the search tables describe it: kernel, SE, stride and output channels."""

    K: int
    se: bool
    stride: int
    M: int
    hs: bool


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
            se, hs = part.kind.isin(EXCITATIONS).any(), (part.kind == "Hardswish").any()
            first = depthwise.iloc[0]
            found.append(
                Block(int(first.K), bool(se), int(first.s), int(plain.M.iloc[-1]), bool(hs))
            )
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
