"""The networks of the search space, for grey images of 28 x 28: built, trained, and timed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import pandas as pd
from torch import Tensor, nn

from lwsurvey import data, latency, train
from lwsurvey.models.blocks import (
    DepthwiseSeparable,
    Head,
    InvertedResidual,
    SqueezeExcitation,
    norm_relu,
    same_convolution,
)
from lwsurvey.search import SearchError, space
from lwsurvey.search.space import Architecture, Block

STEM = 16
"""Channels of the first convolution, at 14 x 14."""

PLAN = (16, 32)
"""Channels of the blocks, at 7 x 7 and 4 x 4, before the searched multiplier."""

EXPANSION = 3
"""Expanded channels of an inverted layer over its input channels."""

IMAGES = {"train": 2500, "validation": 1000, "test": 2000}
"""Images of the repository's subset of Fashion-MNIST that the networks are trained with."""

EPOCHS, BATCH = 2, 64

INPUT = (32, 1, 28, 28)
"""Of the batch that is timed."""

ROUNDS = 21
"""How often a network is timed in a comparison."""


class Added(nn.Module):
    """A layer and its input: ``x + layer(x)``."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer(x)


def build(architecture: Sequence[Block], classes: int = 10) -> nn.Sequential:
    """The network of a choice: ``stem``, ``blocks`` and ``head``.

    Args:
        architecture: one block for each of `PLAN`.
        classes: outputs.

    Raises:
        SearchError: another number of blocks.
    """
    if len(architecture) != space.BLOCKS:
        raise SearchError(f"a network has {space.BLOCKS} blocks, not {len(architecture)}")
    widths = [STEM, *(int(M * b.filters) for M, b in zip(PLAN, architecture, strict=True))]
    network = nn.Sequential()
    network.stem = nn.Sequential(same_convolution(1, STEM, 3, stride=2), norm_relu(STEM))
    network.blocks = nn.Sequential()
    for (N, M), block in zip(pairwise(widths), architecture, strict=True):
        inner = (_layer(M, M, 1, block) for _ in range(block.layers - 1))
        network.blocks.append(nn.Sequential(_layer(N, M, 2, block), *inner))
    network.head = Head(widths[-1], classes)
    return network


def _layer(N: int, M: int, stride: int, block: Block) -> nn.Module:
    skip = block.skip == "identity"
    if block.operation == "separable":
        layer = DepthwiseSeparable(N, M, block.kernel, stride, after=norm_relu)
        return Added(layer) if skip and stride == 1 else layer
    return InvertedResidual(
        N, M, hidden=EXPANSION * N, K=block.kernel, stride=stride, activation=nn.ReLU,
        squeeze=_squeeze if block.se_ratio else None, shortcut=skip,
    )  # fmt: skip


def _squeeze(C: int) -> nn.Module:
    return SqueezeExcitation(C, max(1, C // 4))


def fit(
    networks: Iterable[Architecture], seeds: int | Sequence[int], *, jobs: int | None = None,
    recorded: train.Recorded | None = None, study: str = "main",
) -> pd.DataFrame:  # fmt: skip
    """Train networks of the space by the book's recipe, each with each seed.

    Args:
        networks: of the space.
        seeds: as `train.repeat`, and so ``jobs``, ``recorded`` and ``study``.

    Returns:
        Columns ``network``, ``seed``, ``validation``, ``test`` (per cent), ``loss``, ``seconds``.

    Raises:
        TrainError: as `train.repeat`.
    """
    runs = train.repeat(
        {space.name(one): partial(build, one) for one in networks}, data.portion(**IMAGES),
        seeds=seeds, epochs=EPOCHS, batch=BATCH, jobs=jobs, recorded=recorded,
        study=study,
    )  # fmt: skip
    return runs.rename(columns={"variant": "network"})


def compare(
    networks: Sequence[Architecture], rounds: int | None = ROUNDS, **options: Any
) -> latency.Comparison:
    """Time networks of the space in turns: a batch of `INPUT`, one thread, channels last.

    Args:
        networks: of the space, each once.
        rounds: how often each is timed; as `latency.compare`.
        options: of `latency.compare`.
    """
    calls = {
        space.name(one): latency.call(build(one), INPUT, channels_last=True) for one in networks
    }
    return latency.compare(calls, rounds=rounds, **options)
