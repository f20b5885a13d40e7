"""The unit of ShuffleNet V1 as a drawing, at stride 1 and at stride 2."""

from __future__ import annotations

from matplotlib.figure import Figure

from lwsurvey import figures
from lwsurvey.figures import Box, Unit

NARROW = 0.72
"""Drawn width of the branch's middle; to scale it would be a quarter."""


def units() -> Figure:
    """Both units side by side, as in figure 2 (b) and (c) of Zhang et al. 2018."""
    pool = Box("3 × 3 average\npool, stride 2", "other", "N", 0.7)
    same = Unit("stride 1", _boxes(1), "ends", "N = M", leaves="ReLU · M")
    down = Unit("stride 2", _boxes(2), "ends", "N", "concat", (pool,), "ReLU · M")
    return figures.units(same, down)


def _boxes(stride: int) -> tuple[Box, ...]:
    out = "M" if stride == 1 else "$M - N$"
    return (
        Box("1 × 1, g groups", "pointwise", "BN, ReLU · M / 4", NARROW),
        Box("channel shuffle", "order", "M / 4", NARROW),
        Box("3 × 3 depthwise" + ("\nstride 2" if stride == 2 else ""), "depthwise", "BN", NARROW),
        Box("1 × 1, g groups", "pointwise", f"BN · {out}"),
    )
