"""Detectors of two stages: their cost depends on how many boxes the first stage finds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pandas as pd

from lwsurvey.cost import Profile

# What a picture of noise gives: all proposals that are kept at most, or none; and of objects
# none, one, or the most that a detector returns.
PROPOSALS, OBJECTS = (0, 1000), (0, 1, 100)


def macs(profile: Profile) -> Iterator[tuple[str, float]]:
    """What a detector would cost with other numbers of boxes, and with how many.

    The heads behind the proposals cost the same for each box, and the branches for masks and
    key points the same for each object.

    Args:
        profile: of one forward pass with boxes; without such heads there is nothing to yield.
    """
    names = profile.layers.name
    box = profile.layers[names.str.startswith("roi_heads.box_")]
    other = profile.layers[names.str.startswith(("roi_heads.mask_", "roi_heads.keypoint_"))]
    if not len(box):
        return
    rest = profile.macs - int(box.macs.sum()) - int(other.macs.sum())
    for proposals, objects in product(PROPOSALS, OBJECTS if len(other) else OBJECTS[:1]):
        named = f"{proposals} boxes" + (f" and {objects} objects" if len(other) else "")
        yield named, rest + proposals * _each(box) + objects * _each(other)


def _each(heads: pd.DataFrame) -> float:
    """MACs of a head for one box; 0 if there is none."""
    return heads.macs.sum() / heads.output.iloc[0][0] if len(heads) else 0.0
