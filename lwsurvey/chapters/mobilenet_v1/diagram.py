"""The block of MobileNet V1 as a drawing, beside what it replaces and what may replace it."""

from __future__ import annotations

from matplotlib.figure import Figure

from lwsurvey import figures
from lwsurvey.figures import Box, Unit


def blocks() -> Figure:
    """The full convolution, the separable pair, and the pair with a shortcut.

    As in figure 3 of Howard et al. 2017, with the unit of the chapter's own question.
    """
    full = [Box("3 × 3\nfull", "dense", "BN, ReLU · M")]
    depthwise = Box("3 × 3\ndepthwise", "depthwise", "BN, ReLU · N")
    pair = [depthwise, Box("1 × 1", "pointwise", "BN, ReLU · M")]
    added = [depthwise, Box("1 × 1", "pointwise", "BN · N")]
    return figures.units(
        Unit("full convolution", full),
        Unit("separable (V1)", pair),
        Unit("what if", added, shortcut="ends", leaves="ReLU · N"),
    )
