"""Training all arms with all seeds, and what is measured on each network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from lwsurvey import parallel, train
from lwsurvey.chapters.mobilenet_v3 import arms, mirrors
from lwsurvey.chapters.mobilenet_v3.arms import HARD, PLAIN, SHORT, SOFT, SQUEEZED, V3, Make
from lwsurvey.chapters.mobilenet_v3.quantise import quantised
from lwsurvey.data import Images, Split
from lwsurvey.stats import Estimate, mean_interval

CALIBRATION = 200
"""Training images that set the ranges of the 8-bit grids."""


def run(split: Split, seeds: int, jobs: int | None = None, **how: Any) -> pd.DataFrame:
    """Train all arms with all seeds by `train.fit`, and examine each network.

    Args:
        split: its training and test images are used.
        seeds: how many.
        jobs: processes.
        how: epochs, batch and device of `train.fit`.

    Returns:
        Columns ``arm``, ``seed``, ``test`` (accuracy, per cent), ``seconds``, ``lost`` (points
        that 8 bits cost; arms V3 and soft only), ``mirrored``, ``alike`` and ``chance`` (see
        `mirrors.learned`; the 32-filter arms only).
    """
    arrays = [(part.x.numpy(), part.y.numpy()) for part in (split.train, split.test)]
    tasks = [(name, make, seed) for name, make in arms.arms().items() for seed in range(seeds)]
    asked = [(*task, arrays, how) for task in tasks]
    with tqdm(total=len(tasks), unit="run", leave=False) as bar:
        rows = parallel.spread(_one, asked, jobs, lambda place, row: bar.update())
        return pd.DataFrame(list(rows))


def _one(name: str, make: Make, seed: int, arrays: list, how: dict[str, Any]) -> dict[str, Any]:
    training, test = (Images(*map(_tensor, pair)) for pair in arrays)
    # Nothing is chosen, so that nothing is validated; a split has to have some images for it.
    split = Split(training, training.take(training.classes), test)
    fitted = train.fit(make, split, seed=seed, name=name, **how)
    row = {"arm": name, "seed": seed, "test": fitted.test, "seconds": fitted.seconds}
    if name in (V3, SOFT):
        row["lost"] = fitted.test - _in_8_bits(fitted.net.cpu(), split)
    if name not in (V3, SOFT):
        row |= mirrors.learned(make, fitted.net.cpu(), seed)
    return row


def _tensor(array: np.ndarray) -> torch.Tensor:
    """The array is shared among processes and not to be written to."""
    return torch.from_numpy(array.copy())


def _in_8_bits(net: nn.Module, split: Split) -> float:
    return train.accuracy(quantised(net, split.train.x[:CALIBRATION]), split.test)


STEPS = {
    "squeeze-and-excitation": (SQUEEZED, PLAIN),
    "h-swish": (HARD, SQUEEZED),
    "short tail": (SHORT, HARD),
    "thin stem with h-swish": (V3, SHORT),
    "all four": (V3, PLAIN),
    "hard instead of soft": (V3, SOFT),
}
"""What is compared: with and without."""


def effects(frame: pd.DataFrame) -> dict[str, Estimate]:
    """The paired differences of `STEPS`, in points."""
    return {name: train.difference(frame, *pair) for name, pair in STEPS.items()}


def said(effect: Estimate) -> str:
    """A difference with its interval as text."""
    return effect.text("+.2f", " points")


def outcome(effect: Estimate, margin: float) -> str:
    """What an interval says: a gain, a loss, equality within the margin, or nothing."""
    if max(abs(effect.low), abs(effect.high)) <= margin:
        return "equal"
    if effect.low > 0:
        return "a gain"
    return "a loss" if effect.high < 0 else "open"


def costs_of_bits(frame: pd.DataFrame) -> Mapping[str, Estimate]:
    """Points that 8 bits cost each of the two arms."""
    return train.means(frame.dropna(subset="lost"), "lost")


def mirrored(frame: pd.DataFrame, column: str = "mirrored") -> Estimate:
    """A column of `mirrors.learned`: the mean over the seeds of the V2-like arm."""
    return mean_interval(frame.loc[frame.arm == PLAIN, column])
