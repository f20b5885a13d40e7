"""Sigmoid and hard-sigmoid on an 8-bit grid, written in several right and usual ways.

An input is ``q / 16`` with q from -128 to 127, an output ``p / 256`` with p from 0 to 255: the
grid on which TensorFlow Lite computes its 8-bit sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

STEPS, LEVELS = 16, 256
"""Grid points of the input per unit, and of the output."""

Way = Callable[[Tensor], Tensor]


def inputs() -> Tensor:
    """All 8-bit inputs q."""
    return torch.arange(-128, 128)


def _rounded(p: Tensor) -> Tensor:
    return p.double().round().clamp(0, LEVELS - 1).long()


def _in(kind: torch.dtype, function: Callable[[Tensor], Tensor]) -> Way:
    """A library's function of the input as a number of a type, rounded to the output's grid."""
    return lambda q: _rounded(function((q.double() / STEPS).to(kind)).double() * LEVELS)


def hard_shift(q: Tensor) -> Tensor:
    """hard-sigmoid in whole numbers: clamp, multiply, divide with rounding.

    ``(q + 48) / 96`` of 256 levels is ``(q + 48) * 8 / 3``, never half-way between two levels.
    """
    clamped = (q + 3 * STEPS).clamp(0, 6 * STEPS)
    return ((clamped * 16 + 3) // 6).clamp(max=LEVELS - 1)


def soft_lines(q: Tensor) -> Tensor:
    """The sigmoid by straight lines whose slopes are powers of two (Amin et al. 1997), whole
    numbers only: hardware computes them by shifts."""
    a = q.abs()
    # In units of 1 / 512, so that the slope 1 / 32 on an input in sixteenths is a whole number.
    p = torch.full_like(a, 512)
    for end, line in ((5.0, a + 432), (2.375, 4 * a + 320), (1.0, 8 * a + 256)):
        p = torch.where(a < end * STEPS, line, p)
    p = torch.where(q < 0, 512 - p, p)
    return ((p + 1) // 2).clamp(0, LEVELS - 1)


WAYS: Mapping[str, Mapping[str, Way]] = {
    "sigmoid": {
        "single precision": _in(torch.float32, torch.sigmoid),
        "half precision": _in(torch.float16, torch.sigmoid),
        "bfloat16": _in(torch.bfloat16, torch.sigmoid),
        "lines and shifts": soft_lines,
    },
    "hard-sigmoid": {
        "single precision": _in(torch.float32, F.hardsigmoid),
        "half precision": _in(torch.float16, F.hardsigmoid),
        "bfloat16": _in(torch.bfloat16, F.hardsigmoid),
        "whole numbers": hard_shift,
    },
}
"""Function -> implementation."""


EXACT: Mapping[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "hard-sigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
}


def errors() -> pd.DataFrame:
    """For each implementation: inputs that differ from the exact output, and the worst, in steps.

    Exact is the function in double precision, rounded to the grid.
    """
    rows = []
    for name, ways in WAYS.items():
        right = _in(torch.float64, EXACT[name])(inputs())
        for key, way in ways.items():
            off = (way(inputs()) - right).abs()
            rows.append(
                {"function": name, "computed in": key, "inputs that differ": int((off > 0).sum()),
                 "worst, steps": int(off.max())}
            )  # fmt: skip
    return pd.DataFrame(rows)
