"""Sigmoid and swish, their hard forms (Howard et al. 2019, 5.2), their distance, and 8 bits.

On the grid an input is ``q / 16`` with q from -128 to 127, an output ``p / 256`` with p from 0 to
255: the grid on which TensorFlow Lite computes its 8-bit sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
import sympy as sp
import torch
from scipy import optimize
from torch import Tensor, nn
from torch.nn import functional as F

from lwsurvey import cost

Function = Callable[[Tensor], Tensor]

X = sp.Symbol("x", real=True)
SOFT = 1 / (1 + sp.exp(-X))
RAMP = (X + 3) / 6
"""hard-sigmoid between -3 and 3; it is 0 below and 1 above."""


def hard_sigmoid(x: Tensor) -> Tensor:
    """``ReLU6(x + 3) / 6``, as printed."""
    return F.relu6(x + 3) / 6


def hard_swish(x: Tensor) -> Tensor:
    """``x ReLU6(x + 3) / 6``, as printed."""
    return x * F.relu6(x + 3) / 6


PAIRS: dict[str, tuple[Function, Function]] = {
    "sigmoid": (torch.sigmoid, hard_sigmoid),
    "swish": (F.silu, hard_swish),
}
"""Soft and hard form by name."""


def gaps() -> pd.DataFrame:
    """Where soft and hard form are furthest apart, exactly: ``at`` ±x, ``gap``, and its formula.

    Both gaps have equal size at x and -x, so x >= 0 is enough; beyond 3 both shrink. The
    sigmoid's is largest where the curve has the slope of the ramp, 1/6; the swish's at the
    kink, because it still grows there.
    """
    places = {"sigmoid": sp.acosh(2), "swish": sp.Integer(3)}
    forms = {"sigmoid": SOFT - RAMP, "swish": X * (RAMP - SOFT)}
    # The slope of the sigmoid at acosh 2 is that of the ramp, exactly.
    assert sp.simplify((sp.diff(SOFT, X) - sp.Rational(1, 6)).subs(X, sp.log(2 + sp.sqrt(3)))) == 0
    rows = []
    for name, at in places.items():
        gap = sp.simplify(forms[name].subs(X, at).rewrite(sp.log))
        rows.append({"function": name, "at": float(at), "gap": float(gap), "exactly": gap})
    return pd.DataFrame(rows).set_index("function")


def search_gap(name: str, points: int = 60001) -> tuple[float, float]:
    """The place x >= 0 and the size of the largest gap, found by looking: a grid, then Brent.

    Args:
        name: a key of `PAIRS`.
        points: of the grid on [0, 30].
    """
    soft, hard = PAIRS[name]

    def gap(x: float) -> float:
        at = torch.tensor(x, dtype=torch.float64)
        return float((soft(at) - hard(at)).abs())

    grid = torch.linspace(0, 30, points, dtype=torch.float64)
    best = float(grid[(soft(grid) - hard(grid)).abs().argmax()])
    near = (max(0.0, best - 1e-3), best + 1e-3)
    found = optimize.minimize_scalar(lambda x: -gap(x), bounds=near, options={"xatol": 1e-12})
    # At a kink the point of the grid may be the better one.
    place = max(best, float(found.x), key=gap)
    return place, gap(place)


def curvature(points: int = 1001) -> float:
    """Largest second difference of the printed hard-swish within (-3, 3), over ``h^2``.

    A piece-wise linear function has 0 inside a piece.
    """
    x = torch.linspace(-2.9, 2.9, points, dtype=torch.float64)
    y, h = hard_swish(x), float(x[1] - x[0])
    return float((y[2:] - 2 * y[1:-1] + y[:-2]).abs().max()) / h**2


def library_difference(points: int = 12001) -> float:
    """Largest difference of the printed formulas from PyTorch's functions on [-6, 6], float32."""
    x = torch.linspace(-6, 6, points)
    pairs = ((hard_sigmoid, F.hardsigmoid), (hard_swish, F.hardswish))
    return max(float((ours(x) - theirs(x)).abs().max()) for ours, theirs in pairs)


class Composed(nn.Module):
    """hard-swish in the steps of its formula."""

    def forward(self, x: Tensor) -> Tensor:
        return hard_swish(x)


def memory_accesses() -> dict[str, int]:
    """Elements that are read and written for each element of a map, fused and in steps."""
    shape = (1, 1, 10, 10)
    ways = {"fused": nn.Hardswish(), "composed": Composed()}
    found = {name: cost.profile(way, shape).memory_access for name, way in ways.items()}
    return {name: accesses // 100 for name, accesses in found.items()}


# The same on an 8-bit grid, written in several right and usual ways.

STEPS, LEVELS = 16, 256
"""Grid points of the input per unit, and of the output."""


def grid_inputs() -> Tensor:
    """All 8-bit inputs q."""
    return torch.arange(-128, 128)


def _in(kind: torch.dtype, function: Function) -> Function:
    """A library's function of the input as a number of a type, rounded to the output's grid."""

    def way(q: Tensor) -> Tensor:
        p = function((q.double() / STEPS).to(kind)).double() * LEVELS
        return p.round().clamp(0, LEVELS - 1).long()

    return way


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


WAYS: Mapping[str, Mapping[str, Function]] = {
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


EXACT: Mapping[str, Function] = {
    "sigmoid": torch.sigmoid,
    "hard-sigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
}


def grid_errors() -> pd.DataFrame:
    """For each implementation: inputs that differ from the exact output, and the worst, in steps.

    Exact is the function in double precision, rounded to the grid.
    """
    rows = []
    for name, ways in WAYS.items():
        right = _in(torch.float64, EXACT[name])(grid_inputs())
        for key, way in ways.items():
            off = (way(grid_inputs()) - right).abs()
            rows.append(
                {"function": name, "computed in": key, "inputs that differ": int((off > 0).sum()),
                 "worst, steps": int(off.max())}
            )  # fmt: skip
    return pd.DataFrame(rows)
