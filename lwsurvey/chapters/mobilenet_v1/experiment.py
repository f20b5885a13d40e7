"""What the chapter trains and times, and what it asks of the results."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
from torch import nn
from torch.nn.functional import avg_pool2d

from lwsurvey import cost, latency, train
from lwsurvey.chapters.mobilenet_v1 import networks, tables
from lwsurvey.data import Images, Split
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.stats import Estimate

Make = Callable[[], nn.Module]

ALPHAS = tables.ALPHAS[::-1]
"""The paper's width multipliers, the least first."""

SIDES = (28, 14)
"""Rows of the images: all of Fashion-MNIST's, and half."""

PLAIN = "separable"
CUT = ("grouped 1×1", "low-rank 1×1")
"""The two ways to halve the pointwise convolutions."""

WHOLE, THIN, SMALL, FULL = "MobileNet V1", "α = 0.5", "ρ = 4/7", "full twin"
"""What is timed: the whole network, with its multipliers, and its twin."""


def main_variants() -> dict[str, Make]:
    """The variants whose differences are expected to be small, and that get more seeds."""
    return {
        PLAIN: networks.plain, "full": networks.full, "shortcuts": networks.shortcut,
        CUT[0]: networks.grouped, CUT[1]: networks.low_rank,
    }  # fmt: skip


def other_variants() -> dict[str, Make]:
    """Double depth, kernels that do not learn, and the thinner networks of the grid."""
    return {
        "deep": networks.deep, "deep, shortcuts": networks.deep_shortcut,
        "random windows": networks.random_windows,
        **{cell(a, 28): partial(networks.plain, a) for a in ALPHAS if a < 1},
    }  # fmt: skip


def half_side_variants() -> dict[str, Make]:
    """The networks of the grid that see images of half the side."""
    return {cell(a, 14): partial(networks.plain, a) for a in ALPHAS}


def cell(alpha: float, side: int) -> str:
    """The variant of a cell of the grid."""
    return PLAIN if (alpha, side) == (1, 28) else f"α = {alpha:g}, {side} px"


def halve(split: Split) -> Split:
    """The same images at half the side, each pixel the mean of four."""
    parts = (split.train, split.validation, split.test)
    return Split(*(Images(avg_pool2d(part.x, 2), part.y) for part in parts))


def run(split: Split, seeds: int, fewer: int, **how: object) -> pd.DataFrame:
    """Train all variants; columns as `lwsurvey.train.repeat` gives them.

    Args:
        split: images of 28 x 28.
        seeds: of the `main_variants`.
        fewer: seeds of the rest.
        how: for `lwsurvey.train.repeat`.
    """
    studies = [
        (main_variants(), split, seeds),
        (other_variants(), split, fewer),
        (half_side_variants(), halve(split), fewer),
    ]
    frames = [train.repeat(variants, part, seeds=n, **how) for variants, part, n in studies]
    return pd.concat(frames, ignore_index=True)


def costs() -> pd.DataFrame:
    """MACs and parameters of each variant for one of its images; ``pointwise``: its 1 x 1 MACs."""
    sided = [(28, main_variants() | other_variants()), (14, half_side_variants())]
    rows = {}
    for side, variants in sided:
        for name, make in variants.items():
            found = cost.profile(make(), (1, 1, side, side))
            thin = found.layers.kernel.map(lambda kernel: kernel == (1, 1))
            rows[name] = {
                "MACs": found.macs, "parameters": found.parameters,
                "pointwise": int(found.layers[thin].macs.sum()),
            }  # fmt: skip
    return pd.DataFrame(rows).T.rename_axis("variant")


def difference(runs: pd.DataFrame, a: str, b: str) -> Estimate:
    """`lwsurvey.train.difference` over the seeds that both variants have."""
    seeds = [set(runs[runs.variant == variant].seed) for variant in (a, b)]
    return train.difference(runs[runs.seed.isin(seeds[0] & seeds[1])], a, b)


def effects(runs: pd.DataFrame) -> dict[str, Estimate]:
    """The paired differences that the chapter asks for, in points, by what is compared."""
    grouped, low_rank = CUT
    compared = {
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
    return {name: difference(runs, *pair) for name, pair in compared.items()}


def better_cut(runs: pd.DataFrame) -> str:
    """The one of `CUT` with the higher mean accuracy on the validation images."""
    means = runs.groupby("variant")["validation"].mean()
    return str(means[list(CUT)].idxmax())


def grid(runs: pd.DataFrame) -> dict[int, dict[float, Estimate]]:
    """Mean test accuracy with its interval, in per cent, by side and width multiplier."""
    found = train.means(runs)
    return {side: {a: found[cell(a, side)] for a in ALPHAS} for side in SIDES}


def competitors(side: int) -> dict[str, tuple[nn.Module, int]]:
    """Each network that is timed, with the side of its image.

    Args:
        side: of the whole image; a multiple of 7, of which `SMALL` sees four sevenths.
    """
    whole = MobileNetV1()
    return {
        WHOLE: (whole, side),
        THIN: (MobileNetV1(0.5), side),
        SMALL: (whole, side * 4 // 7),
        FULL: (MobileNetV1(block="standard"), side),
    }


def calls(side: int, device: str) -> dict[str, Callable[[], object]]:
    """What `lwsurvey.latency.compare` times: one image for each network of `competitors`."""
    return {
        name: latency.call(net, (1, 3, rows, rows), device=device)
        for name, (net, rows) in competitors(side).items()
    }


def work(side: int) -> dict[str, float]:
    """MACs of each network of `competitors` over those of `WHOLE`, which is left out."""
    macs = {n: cost.count(net, (1, 3, s, s)).macs for n, (net, s) in competitors(side).items()}
    return {name: macs[name] / macs[WHOLE] for name in macs if name != WHOLE}
