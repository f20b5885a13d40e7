"""The layers of MobileNet V1 and its dense twin as jobs, and what their times say together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from torch import nn

from lwsurvey.cost import closed_form
from lwsurvey.cost.closed_form import MOBILENET_V1
from lwsurvey.latency import Comparison
from lwsurvey.latency.roofline.jobs import Job, job
from lwsurvey.models.blocks import DepthwiseSeparable, same_convolution
from lwsurvey.stats import Estimate

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


def speed_ups(times: pd.DataFrame, blocks: Sequence[Block]) -> pd.DataFrame:
    """Time of the dense layer over that of the separable block, a column for each block."""
    columns = [times[f"dense {b}"] / times[f"separable {b}"] for b in blocks]
    return pd.concat(columns, axis=1, keys=range(len(blocks)))


def share_of_theory(times: pd.DataFrame, blocks: Sequence[Block]) -> pd.Series:
    """Speed-up over MAC ratio, the median over the blocks, round by round."""
    theory = [block.mac_ratio for block in blocks]
    return (speed_ups(times, blocks) / theory).median(axis=1)


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


def close_to_theory(run: Comparison, blocks: Sequence[Block], within: float = 0.25) -> Estimate:
    """How many of the blocks have a speed-up within a quarter of the ratio of their MACs.

    The interval counts the blocks whose own interval lies within, and those whose own reaches
    into it.
    """
    shares = [run.ratio(f"dense {b}", f"separable {b}") for b in blocks]
    ends = np.array([[s.value, s.low, s.high] for s in shares])
    value, low, high = (ends / [[b.mac_ratio] for b in blocks]).T
    first, last = 1 - within, 1 + within
    sure = (low >= first) & (high <= last)
    perhaps = (high >= first) & (low <= last)
    likely = (value >= first) & (value <= last)
    return Estimate(
        int(likely.sum()), int(sure.sum()), int(perhaps.sum()), run.rounds,
        note=shares[0].note, unjudged=shares[0].unjudged,
    )  # fmt: skip
