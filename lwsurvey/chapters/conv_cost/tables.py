"""Formulas exactly as a survey prints them, in our letters, and layers that they describe.

Some are wrong as printed; that is why they are here. The right ones are in
`lwsurvey.cost.closed_form`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import sympy
from torch import nn

from lwsurvey.cost import count
from lwsurvey.models.blocks import DepthwiseSeparable, same_convolution

LETTERS = {
    name: sympy.Symbol(name, positive=True)
    for name in ("N", "M", "K", "H", "W", "G", "alpha", "D_F")
}

PRINTED = {
    "C006": ("liu2022analysis, 1", "H*W*N*K**2*M", "standard"),
    "C008": ("liu2022analysis, 2", "H*W*N*K**2*M/G", "grouped"),
    "C010": ("liu2022analysis, 3", "H*W*K**2*M", "depthwise"),
    "C011": ("liu2022analysis, 4", "H*W*N*M", "pointwise"),
    "C069": ("liu2022analysis, 7", "(K**2 + M)*H*W*N", "separable"),
    "C073": ("liu2022analysis, 8", "H*W*K**2*alpha*M + H*W*alpha*N*alpha*M", "thin"),
    "C169": ("seedblog2019, 1", "K*K*N*M*H*W", "standard"),
    "C170": ("seedblog2019, 2", "K*K*H*W*N + N*M", "separable"),
    "C219": ("song2022notes, 1", "K**2*D_F**2*N + N*M*D_F**2", "separable"),
    "C704": ("song2022notes, 2", "K**2*D_F**2*N", "strided"),
}
"""Claim -> survey and number of the formula, the formula as printed, and the layer it is for.

Formula 7 is its numerator. ``song2022notes`` numbers none: 1 is the separable cost, 2 its
depthwise term; its ``D_F`` is said to be the side of the *input*.
"""


@dataclass(frozen=True)
class Layer:
    """A layer of MobileNet V1, and what the letters stand for there."""

    text: str
    module: nn.Module
    shape: tuple[int, ...]
    values: dict[str, sympy.Rational | int]


def layers() -> dict[str, Layer]:
    """The layers that `PRINTED` names: of the first three blocks."""
    shape, text = (1, 128, 56, 56), "128 → 128, 56"
    third = {"N": 128, "M": 128, "K": 3, "H": 56, "W": 56, "D_F": 56}
    block = DepthwiseSeparable(128, 128)
    grouped = same_convolution(128, 128, 3, groups=4)
    strided = same_convolution(64, 64, 3, 2, groups=64), (1, 64, 112, 112)
    half = {"N": 32, "M": 64, "K": 3, "H": 112, "W": 112, "alpha": sympy.Rational(1, 2)}
    thin = DepthwiseSeparable(16, 32), (1, 16, 112, 112), half
    return {
        "standard": Layer(text, same_convolution(128, 128, 3), shape, third),
        "grouped": Layer(f"{text}, G = 4", grouped, shape, third | {"G": 4}),
        "depthwise": Layer("128, 56", block.depthwise, shape, third),
        "pointwise": Layer(text, block.pointwise, shape, third),
        "separable": Layer(text, block, shape, third),
        "thin": Layer("32 → 64, 112, α = 1/2", *thin),
        "strided": Layer("64, 112, stride 2", *strided, {"N": 64, "K": 3, "D_F": 112}),
    }


def formula(claim: str) -> sympy.Expr:
    """The formula that a claim is about, as printed."""
    return sympy.sympify(PRINTED[claim][1], LETTERS)


def printed_formulas() -> pd.DataFrame:
    """What each formula gives for its layer, and the layer's counted MACs, by claim."""
    made, rows = layers(), {}
    for claim, (survey, _, name) in PRINTED.items():
        layer, key = made[name], survey.partition(", ")
        rows[claim] = {
            "survey": f"{{cite}}`{key[0]}`, {key[2]}",
            "as printed": f"${sympy.latex(formula(claim))}$",
            "layer": layer.text.replace(" ", "\N{NO-BREAK SPACE}"),
            "gives": int(formula(claim).subs({LETTERS[k]: n for k, n in layer.values.items()})),
            "counted": count(layer.module, layer.shape).macs,
        }
    frame = pd.DataFrame(rows.values(), index=pd.Index(rows, name="claim"))
    return frame.assign(ratio=frame.gives / frame.counted)
