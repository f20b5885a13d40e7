"""What the units of ShuffleNet V2 consist of, from the trace of torchvision's network."""

from __future__ import annotations

from statistics import fmean

import torch
import torchvision
from torch import Tensor, nn

from lwsurvey.chapters.shufflenet_v2 import breaks, graph
from lwsurvey.chapters.shufflenet_v2.graph import Operator

V2 = "ShuffleNet V2"


def units() -> list[list[Operator]]:
    """The operators of each of the 16 units."""
    return list(graph.by_block(breaks.operators(V2)).values())


def splits(unit: list[Operator]) -> bool:
    """Whether a unit splits its input."""
    return any(each.kind == "split" for each in unit)


def convolutions(unit: list[Operator]) -> list[Operator]:
    """The convolutions of a unit."""
    return [each for each in unit if each.kind == "convolution"]


def branch() -> dict[str, float]:
    """The working branch of the units that split (claim of survey 000, section 6.2.2)."""
    splitting = list(filter(splits, units()))
    layers = [convolutions(unit) for unit in splitting]
    uneven = [
        each for part in layers for each in part
        if each.module.in_channels != each.module.out_channels
    ]  # fmt: skip
    return {
        "convolutions in the branch": fmean(map(len, layers)),
        "convolutions with unequal widths": len(uneven),
        "untouched share": fmean(1 - part[0].module.in_channels / _width(unit)
                                 for part, unit in zip(layers, splitting, strict=True)),
    }  # fmt: skip


def shares() -> dict[str, float]:
    """What share of the channels the parts of the splitting units see, and how they are joined."""
    splitting = list(filter(splits, units()))
    seen = {"ReLU share": [], "depthwise share": [], "untouched share": []}
    groups, additions = [], 0
    for unit in splitting:
        first = convolutions(unit)[0]
        seen["untouched share"].append(1 - first.sources[0][1] / _width(unit))
        for each in unit:
            if each.kind == "activation":
                seen["ReLU share"].append(each.shape[1] / _width(unit))
            elif each.depthwise:
                seen["depthwise share"].append(each.shape[1] / _width(unit))
            groups += [each.module.groups] if each.pointwise else []
            additions += each.kind == "addition"
    found = {name: fmean(values) for name, values in seen.items()}
    return found | {"groups of 1x1": fmean(groups), "additions": additions}


def network() -> dict[str, int]:
    """Counts over the whole network: grouped 1 x 1, additions, other kinds of convolution."""
    everything = breaks.operators(V2)
    inside = [each for unit in units() for each in convolutions(unit)]
    return {
        "grouped 1x1": sum(each.pointwise and each.module.groups > 1 for each in everything),
        "additions": sum(each.kind == "addition" for each in everything),
        "neither depthwise nor 1x1": sum(not (e.depthwise or e.pointwise) for e in inside),
    }


@torch.no_grad()
def unchanged(unit: nn.Module, x: Tensor) -> float:
    """Share of the input channels of a unit that its output has, bit for bit.

    Args:
        unit: in evaluation mode.
        x: random maps, shape ``(batch, c, H, W)``.
    """
    y = unit(x)
    same = (x[:, :, None] == y[:, None]).flatten(3).all(dim=3).all(dim=0)
    return same.any(dim=1).float().mean().item()


def library_unit(seed: int = 0) -> nn.Module:
    """The first splitting unit of torchvision's network with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torchvision.models.shufflenet_v2_x1_0().eval().stage2[1]


def _width(unit: list[Operator]) -> int:
    return graph.ends(unit)[1][1]
