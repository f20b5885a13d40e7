"""Sigmoid and swish, their hard forms, and how far apart they are (Howard et al. 2019, 5.2)."""

from __future__ import annotations

from collections.abc import Callable

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


def searched(name: str, points: int = 60001) -> tuple[float, float]:
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
