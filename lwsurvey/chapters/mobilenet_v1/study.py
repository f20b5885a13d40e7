"""What the chapter trains, and what it asks of the results."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
from torch import nn
from torch.nn.functional import avg_pool2d

from lwsurvey import cost, train
from lwsurvey.chapters.mobilenet_v1 import nets
from lwsurvey.data import Images, Split
from lwsurvey.stats import Estimate

Make = Callable[[], nn.Module]

ALPHAS = (0.25, 0.5, 0.75, 1.0)
"""The paper's width multipliers."""

SIDES = (28, 14)
"""Rows of the images: all of Fashion-MNIST's, and half."""

PLAIN = "separable"
CUT = ("grouped 1×1", "low-rank 1×1")
"""The two ways to halve the pointwise convolutions."""


def claimed() -> dict[str, Make]:
    """The arms whose differences are expected to be small, and that get more seeds."""
    found: dict[str, Make] = {PLAIN: nets.network, "full": nets.full, "shortcuts": nets.shortcut}
    return found | dict(zip(CUT, (nets.grouped, nets.low_rank), strict=True))


def others() -> dict[str, Make]:
    """Double depth, kernels that do not learn, and the thinner networks of the grid."""
    found: dict[str, Make] = {"deep": nets.deep, "deep, shortcuts": nets.deep_shortcut}
    found["random windows"] = nets.random_windows
    return found | {cell(a, 28): partial(nets.network, a) for a in ALPHAS if a < 1}


def small_images() -> dict[str, Make]:
    """The networks of the grid that see images of half the side."""
    return {cell(a, 14): partial(nets.network, a) for a in ALPHAS}


def cell(alpha: float, side: int) -> str:
    """The arm of a cell of the grid."""
    return PLAIN if (alpha, side) == (1, 28) else f"α = {alpha:g}, {side} px"


def halved(split: Split) -> Split:
    """The same images at half the side, each pixel the mean of four."""
    parts = (split.train, split.validation, split.test)
    return Split(*(Images(avg_pool2d(part.x, 2), part.y) for part in parts))


def run(split: Split, seeds: int, fewer: int, **how: object) -> pd.DataFrame:
    """Train all arms; columns as `lwsurvey.train.repeat` gives them.

    Args:
        split: images of 28 x 28.
        seeds: of the arms `claimed`.
        fewer: seeds of the rest.
        how: for `lwsurvey.train.repeat`.
    """
    studies = [
        (claimed(), split, seeds),
        (others(), split, fewer),
        (small_images(), halved(split), fewer),
    ]
    frames = [train.repeat(arms, part, seeds=n, **how) for arms, part, n in studies]
    return pd.concat(frames, ignore_index=True)


def costs() -> pd.DataFrame:
    """MACs and parameters of each arm for one of its images; ``pointwise``: its 1 x 1 MACs."""
    arms = {name: (make, 28) for name, make in (claimed() | others()).items()}
    arms |= {name: (make, 14) for name, make in small_images().items()}
    rows = {name: _cost(make(), side) for name, (make, side) in arms.items()}
    return pd.DataFrame(rows).T.rename_axis("arm")


def _cost(net: nn.Module, side: int) -> dict[str, int]:
    counted = cost.profile(net, (1, 1, side, side))
    thin = counted.layers.kernel.map(lambda k: k == (1, 1))
    pointwise = int(counted.layers[thin].macs.sum())
    return {"MACs": counted.macs, "parameters": counted.parameters, "pointwise": pointwise}


def difference(runs: pd.DataFrame, a: str, b: str) -> Estimate:
    """`lwsurvey.train.difference` over the seeds that both arms have."""
    seeds = [set(runs[runs.arm == arm].seed) for arm in (a, b)]
    return train.difference(runs[runs.seed.isin(seeds[0] & seeds[1])], a, b)


def effects(runs: pd.DataFrame) -> dict[str, Estimate]:
    """The paired differences that the chapter asks for, in points, by what is compared."""
    grouped, low_rank = CUT
    asked = {
        "separable or full": (PLAIN, "full"),
        "shortcuts or none": ("shortcuts", PLAIN),
        "shortcuts or none, double depth": ("deep, shortcuts", "deep"),
        "double depth or single": ("deep", PLAIN),
        "double depth with shortcuts or single": ("deep, shortcuts", PLAIN),
        "grouped 1×1 or plain": (grouped, PLAIN),
        "low-rank 1×1 or plain": (low_rank, PLAIN),
        "grouped 1×1 or α = 0.75": (grouped, cell(0.75, 28)),
        "random windows or learned": ("random windows", PLAIN),
    }
    return {name: difference(runs, *pair) for name, pair in asked.items()}


def better_cut(runs: pd.DataFrame) -> str:
    """The one of `CUT` with the higher mean accuracy on the validation images."""
    means = runs.groupby("arm")["validation"].mean()
    return str(means[list(CUT)].idxmax())


def grid(runs: pd.DataFrame) -> dict[int, dict[float, Estimate]]:
    """Mean test accuracy with its interval, in per cent, by side and width multiplier."""
    found = train.means(runs)
    return {side: {a: found[cell(a, side)] for a in ALPHAS} for side in SIDES}
