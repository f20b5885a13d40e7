"""Which guideline a network breaks, and how often: counted in its traced graph."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pandas as pd
import torch
from torchvision.models import mobilenetv2, shufflenetv2

from lwsurvey.chapters.shufflenet_v2 import graph
from lwsurvey.chapters.shufflenet_v2.graph import Operator
from lwsurvey.models import shufflenet_v1, zoo

with warnings.catch_warnings():
    # timm's import of tqdm asks for notebook widgets, which the book does not use.
    warnings.filterwarnings("ignore", message="IProgress not found")
    from timm.models import nasnet

NASNET_CELLS = (
    nasnet.CellStem0, nasnet.CellStem1, nasnet.FirstCell, nasnet.NormalCell,
    nasnet.ReductionCell0, nasnet.ReductionCell1,
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A network, the size of its image, and the classes of its blocks."""

    name: str
    side: int
    blocks: tuple[type, ...]


SUBJECTS = {
    "ShuffleNet V1": Subject("lwsurvey:ShuffleNetV1", 224, (shufflenet_v1.Unit,)),
    "MobileNet V2": Subject("torchvision:mobilenet_v2", 224, (mobilenetv2.InvertedResidual,)),
    "NASNet-A": Subject("timm:nasnetalarge", 331, NASNET_CELLS),
    "ShuffleNet V2": Subject(
        "torchvision:shufflenet_v2_x1_0", 224, (shufflenetv2.InvertedResidual,)
    ),
}  # fmt: skip


@cache
def operators(name: str) -> list[Operator]:
    """The operators of one of `SUBJECTS`, traced once."""
    subject = SUBJECTS[name]
    if subject.name.startswith("lwsurvey:"):
        with torch.device("meta"):
            network = shufflenet_v1.ShuffleNetV1().eval()
    else:
        network = zoo.load(subject.name)
    return graph.operators(network, subject.side, subject.blocks)


def basic(name: str) -> Mapping[str, list[Operator]]:
    """The blocks whose output has the shape of their input: those that a network repeats."""
    parts = graph.by_block(operators(name))
    return {path: part for path, part in parts.items() if len(set(graph.ends(part))) == 1}


def violations(name: str) -> dict[str, int]:
    """How often the basic blocks of one of `SUBJECTS` break each guideline.

    Returns:
        ``G1``: 1 x 1 convolutions of unequal widths; ``G2``: 1 x 1 convolutions in groups;
        ``G3``: blocks with more than two parallel branches; ``G4``: activations on maps wider
        than the ends of the block; and, without a guideline of its own, ``additions``.
    """
    parts = basic(name)
    pointwise = [each for part in parts.values() for each in part if each.pointwise]
    return {
        "G1": sum(each.module.in_channels != each.module.out_channels for each in pointwise),
        "G2": sum(each.module.groups > 1 for each in pointwise),
        "G3": sum(graph.branches(part) > 2 for part in parts.values()),
        "G4": sum(map(_wide_activations, parts.values())),
        "additions": sum(each.kind == "addition" for part in parts.values() for each in part),
    }


def table() -> pd.DataFrame:
    """`violations` of all subjects, with their numbers of blocks and of parallel branches."""
    rows = {}
    for name in SUBJECTS:
        everything = graph.by_block(operators(name))
        most = max(map(graph.branches, everything.values()))
        of = f"{len(basic(name))} of {len(everything)}"
        rows[name] = {"basic blocks": of, "branches": most, **violations(name)}
    return pd.DataFrame(rows).T.rename_axis("network")


def _wide_activations(part: list[Operator]) -> int:
    (_, entering, *_), (_, leaving, *_) = graph.ends(part)
    widest = max(entering, leaving)
    return sum(each.kind == "activation" and each.shape[1] > widest for each in part)
