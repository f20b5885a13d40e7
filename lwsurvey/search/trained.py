"""How a network of the table is trained, for who makes the table and who rebuilds a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from lwsurvey import data, train
from lwsurvey.search import network, space

IMAGES = {"train": 2500, "validation": 1000, "test": 2000}
"""Images of the repository's subset of Fashion-MNIST."""

EPOCHS = 2
BATCH = 64


def trained(
    networks: Iterable[space.Architecture], seeds: int | Sequence[int], *, jobs: int | None = None,
    keep: str | Path | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Train networks of the space by the book's recipe, each with each seed.

    Args:
        networks: of the space.
        seeds: as `train.repeat`, and so ``jobs`` and ``keep``.

    Returns:
        Columns ``network``, ``seed``, ``validation``, ``test`` (per cent), ``loss``, ``seconds``.

    Raises:
        TrainError: as `train.repeat`.
    """
    arms = {space.name(one): partial(network.build, one) for one in networks}
    split = data.portion(**IMAGES)
    runs = train.repeat(
        arms, split, seeds=seeds, epochs=EPOCHS, batch=BATCH, jobs=jobs, keep=keep
    )  # fmt: skip
    return runs.rename(columns={"arm": "network"})
