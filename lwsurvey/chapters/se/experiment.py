"""What the trained arms say: paired differences, and differences pooled over families."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from torch.nn.functional import interpolate

from lwsurvey import train
from lwsurvey.chapters.se.arms import POOLED, REDUCTION, REDUCTIONS, WIDENED
from lwsurvey.data import Images, Split
from lwsurvey.stats import Estimate, mean_interval


def larger(split: Split) -> Split:
    """The same images with twice as many rows and columns, interpolated."""
    return Split(*(_larger(part) for part in (split.train, split.validation, split.test)))


def _larger(images: Images) -> Images:
    x = interpolate(images.x, scale_factor=2, mode="bilinear", align_corners=False)
    return Images(x, images.y)


def pooled(frame: pd.DataFrame) -> Estimate:
    """Mean over families and seeds of on minus off, paired by family and seed.

    The differences count as independent repeats: no two of them share a network. What the
    families differ by is part of their spread, so that the interval is rather too wide.

    Args:
        frame: as `lwsurvey.train.repeat` gives it, with all families of `POOLED`.
    """
    test = frame.set_index(["arm", "seed"])["test"]
    pairs = [test[f"{family} on"] - test[f"{family} off"] for family in POOLED]
    return mean_interval(np.concatenate([pair.to_numpy() for pair in pairs]))


def by_family(frame: pd.DataFrame) -> dict[str, Estimate]:
    """The block on minus off for each family and pooled, and on minus the wider controls."""
    found = {
        f"{family}: SE minus bare": train.difference(frame, f"{family} on", f"{family} off")
        for family in (*POOLED, "V3")
    }
    found["three pooled: SE minus bare"] = pooled(frame)
    for family in WIDENED:
        pair = f"{family} on", f"{family} wider"
        found[f"{family}: SE minus wider bare"] = train.difference(frame, *pair)
    return found


def variants(frame: pd.DataFrame) -> dict[str, Estimate]:
    """Reductions and places against V3's own, and the block without its squeeze."""
    found = {
        f"r = {r} minus r = {REDUCTION}": (f"r = {r}", "V3 on")
        for r in REDUCTIONS
        if r != REDUCTION
    }
    found |= {
        f"{place} minus inside": (name, "V3 on")
        for name, place in (("before", "before expansion"), ("behind", "behind projection"))
    }
    found["separable: local minus pooled"] = ("separable local", "separable on")
    return {name: train.difference(frame, *pair) for name, pair in found.items()}


def table(named: Mapping[str, Estimate]) -> pd.DataFrame:
    """Differences with their intervals, and the smallest that each could have shown."""
    rows = {
        name: {
            "points": one.text("+.2f"),
            "pairs": one.n,
            "could be seen": one.detectable,
        }
        for name, one in named.items()
    }
    return pd.DataFrame(rows).T.rename_axis("first minus second")
