"""What the text of the paper says about its tables, held against their cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from lwsurvey.chapters.shufflenet_v2 import paper


@dataclass(frozen=True)
class Remark:
    """A sentence of sections 2 (G1 to G4) in our words, and the cells that it is about.

    Attributes:
        says: what the text says.
        ratios: times of the arm named by the text over the compliant one, all its cells.
        fits: whether a ratio fits the sentence.
    """

    says: str
    ratios: Callable[[], pd.Series]
    fits: Callable[[float], bool]


def _ratios(guideline: int, platforms: tuple[str, ...], *arms: str) -> Callable[[], pd.Series]:
    def found() -> pd.Series:
        parts = {p: paper.slowdowns(guideline, p) for p in platforms}
        chosen = {p: table.loc[list(arms)] if arms else table for p, table in parts.items()}
        return pd.concat({p: table.stack() for p, table in chosen.items()})

    return found


BOTH = ("GPU", "ARM")
REMARKS: dict[str, Remark] = {
    "G1": Remark("speed falls as the ratio leaves 1:1 (1:12)", _ratios(1, BOTH), lambda r: r > 1),
    "G2, GPU": Remark(
        "8 groups are more than twice as slow as 1", _ratios(2, ("GPU",)), lambda r: r > 2
    ),
    "G2, ARM": Remark(
        "8 groups lose up to 30 % of the speed", _ratios(2, ("ARM",)), lambda r: 1 < r <= 1 / 0.695
    ),
    "G3, GPU": Remark(
        "4 fragments are 3 times as slow as 1", _ratios(3, ("GPU",)), lambda r: r >= 2.5
    ),
    "G3, ARM, series": Remark(
        "fragments cost speed, relatively little", _ratios(3, ("ARM",), "4-fragment-series"),
        lambda r: r > 1,
    ),
    "G3, ARM, parallel": Remark(
        "fragments cost speed, relatively little", _ratios(3, ("ARM",), "4-fragment-parallel"),
        lambda r: r > 1,
    ),
    "G4": Remark(
        "without ReLU and shortcut around 20 % faster", _ratios(4, BOTH), lambda r: 1.15 <= r < 1.25
    ),
}  # fmt: skip
"""By guideline and platform. "30 %" and "20 %" get half of their last printed ten or five
percent as room, "3 times" is 2.5 or more."""


def remarks() -> pd.DataFrame:
    """Each remark with the range of its cells and how many of them fit."""
    rows = {}
    for where, remark in REMARKS.items():
        ratios = remark.ratios()
        rows[where] = {
            "the text says": remark.says,
            "in its table": f"{ratios.min():.2f} to {ratios.max():.2f}",
            "cells that fit": f"{sum(map(remark.fits, ratios))} of {len(ratios)}",
        }
    return pd.DataFrame(rows).T.rename_axis("guideline")
