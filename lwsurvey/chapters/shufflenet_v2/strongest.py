"""The strongest violation of each guideline, at exactly equal MACs."""

from __future__ import annotations

from collections.abc import Mapping

from lwsurvey.chapters.shufflenet_v2 import arms, race
from lwsurvey.chapters.shufflenet_v2.arms import Arms
from lwsurvey.stats import Estimate

PAIRS = {
    "G1: widths 1:16": (1, "1:16", "1:1"),
    "G2: 16 groups": (2, "g = 16", "g = 1"),
    "G3: 4 in series": (3, "4-fragment-series", "1-fragment"),
    "G3: 4 in parallel": (3, "4-fragment-parallel", "1-fragment"),
    "G4: ReLU and shortcut": (4, "ReLU and shortcut", "neither"),
}
"""Name of a violation: its guideline, the arm that violates, the arm that complies."""


def competitors(guideline: int, c: int = 128) -> Arms:
    """The arms of `PAIRS` of a guideline, the compliant one first.

    Args:
        guideline: 1 to 4.
        c: channels of the compliant arm, a multiple of 16. Of the paper's tables 1 to 4,
            128 is the one width that both halves have.
    """
    names = {good: None for g, _, good in PAIRS.values() if g == guideline}
    names |= {bad: None for g, bad, _ in PAIRS.values() if g == guideline}
    if guideline in (1, 2):
        return {name: arms.exact(guideline, c)[name] for name in names}
    make = {3: arms.fragment, 4: arms.unit}[guideline]
    return {name: make(c, name) for name in names}


def slowdowns(c: int = 128, **options: object) -> Mapping[str, Estimate]:
    """Time of each violation over that of the arm that complies.

    Args:
        c: as `competitors`.
        options: of `lwsurvey.chapters.shufflenet_v2.race.column`.
    """
    timed = {g: race.column(competitors(g, c), **options).times for g in (1, 2, 3, 4)}
    return {name: timed[g].ratio(bad, good) for name, (g, bad, good) in PAIRS.items()}
