"""The surveys' layers as jobs: MobileNet V1's blocks, their dense twins, and others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from torch import nn

from lwsurvey.cost import closed_form
from lwsurvey.cost.closed_form import MOBILENET_V1
from lwsurvey.latency.roofline.jobs import Job, job
from lwsurvey.models.blocks import DepthwiseSeparable, same_convolution

KINDS = ("dense", "separable", "depthwise", "pointwise")


class Block(NamedTuple):
    """A block of MobileNet V1: N input and M output channels, output map, stride."""

    N: int
    M: int
    side: int
    stride: int

    def __str__(self) -> str:
        return f"{self.N}→{self.M}, {self.side}²" + (" s2" if self.stride == 2 else "")

    @property
    def mac_ratio(self) -> float:
        """MACs of the dense 3 x 3 convolution over those of the separable block."""
        sizes = (self.N, self.M, 3, self.side, self.side)
        return closed_form.convolution(*sizes).macs / closed_form.separable(*sizes).macs

    def module(self, kind: str) -> nn.Module:
        """One of `KINDS`: the dense 3 x 3 twin, the whole block, or one of its two layers."""
        if kind == "dense":
            return same_convolution(self.N, self.M, 3, self.stride)
        both = DepthwiseSeparable(self.N, self.M, stride=self.stride)
        return {"separable": both, "depthwise": both.depthwise, "pointwise": both.pointwise}[kind]

    def shape(self, kind: str, batch: int) -> tuple[int, int, int, int]:
        """Of the input of ``module(kind)``."""
        side = self.side if kind == "pointwise" else self.side * self.stride
        return (batch, self.N, side, side)


def mobilenet_v1(rows: int = 224) -> list[Block]:
    """The 13 blocks of Howard et al. 2017, table 1, in order; five are equal.

    Args:
        rows: of the square image; a multiple of 32.
    """
    blocks, before = [], 112
    for N, M, side in MOBILENET_V1:
        blocks.append(Block(N, M, side * rows // 224, before // side))
        before = side
    return blocks


def block_jobs(
    blocks: Sequence[Block], kinds: Sequence[str] = KINDS, *, batch: int = 1, device: str = "cpu"
) -> dict[str, Job]:
    """Each different block in each of the kinds, named ``KIND BLOCK``."""
    return {
        f"{kind} {block}": job(block.module(kind), block.shape(kind, batch), device=device)
        for block in dict.fromkeys(blocks)
        for kind in kinds
    }


def other_layers() -> dict[str, Job]:
    """Layers that the surveys name beside MobileNet V1's, one image, on the processor."""
    grouped = nn.Conv2d(240, 240, 1, groups=3, bias=False)
    return {
        "stem 3→32, 112²": job(same_convolution(3, 32, 3, 2), (1, 3, 224, 224)),
        "linear 1024→1000": job(nn.Linear(1024, 1000), (1, 1024)),
        "linear 9216→4096": job(nn.Linear(9216, 4096), (1, 9216)),
        "grouped 240→240, 28²": job(grouped, (1, 240, 28, 28)),
    }


def equal_macs(widths: Sequence[int], sides: Sequence[int]) -> dict[tuple[int, int], tuple]:
    """Pairs of jobs with the same MACs on the same map, by width and side.

    A dense 3 x 3 convolution from C to C channels has 9 C^2 MACs for each pixel, a depthwise
    one of C^2 channels too.

    Returns:
        ``(C, side)`` to a pair: dense, depthwise.

    Raises:
        AssertionError: the counter sees a difference.
    """
    pairs = {}
    for C in widths:
        for side in sides:
            dense = job(same_convolution(C, C, 3), (1, C, side, side))
            layer = same_convolution(C * C, C * C, 3, groups=C * C)
            depthwise = job(layer, (1, C * C, side, side))
            assert dense.macs == depthwise.macs
            pairs[C, side] = dense, depthwise
    return pairs


def speed_ups(times: pd.DataFrame, blocks: Sequence[Block]) -> pd.DataFrame:
    """Time of the dense twin over time of the separable block, round by round.

    Returns:
        One column for each of ``blocks`` in order, equal ones included.
    """
    columns = [times[f"dense {b}"] / times[f"separable {b}"] for b in blocks]
    return pd.concat(columns, axis=1, keys=range(len(blocks)))


def pairs(blocks: Sequence[Block]) -> list[tuple[str, str]]:
    """Names of the jobs whose ratio is the speed-up, for each different block."""
    return [(f"dense {block}", f"separable {block}") for block in dict.fromkeys(blocks)]


def share_of_theory(times: pd.DataFrame, blocks: Sequence[Block]) -> pd.Series:
    """Speed-up over MAC ratio, the median over the blocks, round by round."""
    theory = [block.mac_ratio for block in blocks]
    return (speed_ups(times, blocks) / theory).median(axis=1)


def median_speed_up(times: pd.DataFrame, blocks: Sequence[Block]) -> pd.Series:
    """The median over the blocks of `speed_ups`, round by round."""
    return speed_ups(times, blocks).median(axis=1)


def utilisation(times: pd.DataFrame, blocks: Sequence[Block], kind: str) -> pd.Series:
    """MACs a second of one kind of layer over those of the dense twin.

    The median over the blocks, round by round.
    """
    ratios = []
    for b in blocks:
        macs = {"depthwise": 9 * b.N, "pointwise": b.N * b.M, "dense": 9 * b.N * b.M}
        less = macs[kind] / macs["dense"]
        ratios.append(less * times[f"dense {b}"] / times[f"{kind} {b}"])
    return pd.concat(ratios, axis=1).median(axis=1)


def larger_utilisation(times: pd.DataFrame, blocks: Sequence[Block]) -> pd.Series:
    """The larger `utilisation` of a separable block's two layers, round by round."""
    both = [utilisation(times, blocks, kind) for kind in ("depthwise", "pointwise")]
    return pd.concat(both, axis=1).max(axis=1)
