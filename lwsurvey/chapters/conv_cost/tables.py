"""Formulas exactly as a survey prints them, in our letters, beside layers that they describe.

Some are wrong as printed; that is why they are here. The right ones are in
`lwsurvey.cost.closed_form`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import sympy
from torch import nn

from lwsurvey.cost.closed_form import Number
from lwsurvey.cost.count import count
from lwsurvey.models.blocks import DepthwiseSeparable, same_convolution


def liu_standard(N: Number, M: Number, K: Number, H: Number, W: Number) -> Number:
    """Formula 1 of liu2022analysis."""
    return H * W * N * K**2 * M


def liu_grouped(N: Number, M: Number, K: Number, H: Number, W: Number, G: Number) -> Number:
    """Formula 2 of liu2022analysis."""
    return H * W * N * K**2 * M / G


def liu_depthwise(M: Number, K: Number, H: Number, W: Number) -> Number:
    """Formula 3 of liu2022analysis."""
    return H * W * K**2 * M


def liu_pointwise(N: Number, M: Number, H: Number, W: Number) -> Number:
    """Formula 4 of liu2022analysis."""
    return H * W * N * M


def liu_separable(N: Number, M: Number, K: Number, H: Number, W: Number) -> Number:
    """Numerator of formula 7 of liu2022analysis."""
    return (K**2 + M) * H * W * N


def liu_thin(N: Number, M: Number, K: Number, H: Number, W: Number, alpha: Number) -> Number:
    """Formula 8 of liu2022analysis: its depthwise term has the output channels."""
    return H * W * K**2 * alpha * M + H * W * alpha * N * alpha * M


def blog_standard(N: Number, M: Number, K: Number, H: Number, W: Number) -> Number:
    """Equation (1) of seedblog2019."""
    return K * K * N * M * H * W


def blog_separable(N: Number, M: Number, K: Number, H: Number, W: Number) -> Number:
    """Equation (2) of seedblog2019: the second term has no H W."""
    return K * K * H * W * N + N * M


def song_separable(N: Number, M: Number, D_K: Number, D_F: Number) -> Number:
    """Separable cost of song2022notes; D_F is said to be the size of the *input* map."""
    return D_K**2 * D_F**2 * N + N * M * D_F**2


def song_depthwise(N: Number, D_K: Number, D_F: Number) -> Number:
    """Depthwise term of song2022notes; D_F is said to be the size of the *input* map."""
    return D_K**2 * D_F**2 * N


@dataclass(frozen=True)
class Case:
    """A printed formula with values for its letters, and the layer that they describe."""

    where: str
    formula: Callable[..., Number]
    values: dict[str, Number]
    layer: str  # N, M, H of the layer, and what is special about it
    module: nn.Module
    shape: tuple[int, ...]

    @property
    def evaluated(self) -> int:
        """MACs of the layer according to the formula as printed."""
        return int(self.formula(**self.values))

    @property
    def latex(self) -> str:
        """The formula as printed, in our letters."""
        letters = {name: sympy.Symbol(name, positive=True) for name in self.values}
        return sympy.latex(self.formula(**letters))


def cases() -> dict[str, Case]:
    """The surveys' formulas, each on a layer of MobileNet V1, by the claim they belong to."""
    third = {"N": 128, "M": 128, "K": 3, "H": 56, "W": 56}
    first = {"N": 32, "M": 64, "K": 3, "H": 112, "W": 112}
    block, shape = DepthwiseSeparable(128, 128), (1, 128, 56, 56)
    dense, name = same_convolution(128, 128, 3), "128, 128, 56"
    depth = {key: third[key] for key in ("M", "K", "H", "W")}
    point = {key: third[key] for key in ("N", "M", "H", "W")}
    liu, blog = "{cite}`liu2022analysis`", "{cite}`seedblog2019`"
    song = {"N": 128, "M": 128, "D_K": 3, "D_F": 56}
    return {
        "C006": Case(f"{liu}, 1", liu_standard, third, name, dense, shape),
        "C008": Case(
            f"{liu}, 2", liu_grouped, third | {"G": 4}, "128, 128, 56; 4 groups",
            same_convolution(128, 128, 3, groups=4), shape,
        ),
        "C010": Case(f"{liu}, 3", liu_depthwise, depth, name, block.depthwise, shape),
        "C011": Case(f"{liu}, 4", liu_pointwise, point, name, block.pointwise, shape),
        "C069": Case(f"{liu}, 7", liu_separable, third, name, block, shape),
        "C073": Case(
            f"{liu}, 8", liu_thin, first | {"alpha": sympy.Rational(1, 2)},
            "32, 64, 112; α = 1/2", DepthwiseSeparable(16, 32), (1, 16, 112, 112),
        ),
        "C169": Case(f"{blog}, 1", blog_standard, third, name, dense, shape),
        "C170": Case(f"{blog}, 2", blog_separable, third, name, block, shape),
        "C219": Case("{cite}`song2022notes`", song_separable, song, name, block, shape),
        "C704": Case(
            "{cite}`song2022notes`", song_depthwise, {"N": 64, "D_K": 3, "D_F": 112},
            "64, 64, 56; stride 2",
            same_convolution(64, 64, 3, 2, groups=64), (1, 64, 112, 112),
        ),
    }  # fmt: skip


def printed_formulas() -> pd.DataFrame:
    """What each formula gives for its layer, and the layer's counted MACs, by claim."""
    rows = [
        {
            "survey": case.where,
            "as printed": f"${case.latex}$",
            "gives": case.evaluated,
            "counted": count(case.module, case.shape).macs,
        }
        for case in cases().values()
    ]
    frame = pd.DataFrame(rows, index=pd.Index(cases(), name="claim"))
    layers = [case.layer for case in cases().values()]
    return frame.assign(ratio=frame.gives / frame.counted, **{"N, M, H": layers})
