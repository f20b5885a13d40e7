"""The reward as the paper prints it, read from the repository's data and evaluated to 40 places."""

from __future__ import annotations

import csv
import re

import numpy as np
import pandas as pd
import sympy as sp
from mpmath import mp
from sympy.core.function import AppliedUndef

from lwsurvey import paths
from lwsurvey.search.reward import reward

DIGITS = 40
"""Decimal places of `evaluate`; a double has 16."""

m = sp.Symbol("m")
ACC, LAT = (sp.Function(name)(m) for name in ("ACC", "LAT"))
T, alpha, beta, w = sp.symbols("T alpha beta w")


def equation() -> sp.Expr:
    """Equations 2 and 3 of Tan et al. 2019 as one expression in ACC(m), LAT(m), T, alpha, beta."""
    text = _noted("papers_mnasnet_search.csv", "reward", "value")
    product, rule = text.split(", w = ")
    within, beyond = re.fullmatch(r"(\w+) if LAT<=T else (\w+)", rule).groups()
    cases = sp.Piecewise((sp.Symbol(within), LAT <= T), (sp.Symbol(beyond), True))
    return sp.sympify(product.replace("^", "**")).subs(w, cases)


def one_exponent() -> sp.Expr:
    """Formula 6 of Liu et al. 2022: the same with one w on both sides of the target."""
    return sp.piecewise_fold(equation().subs({alpha: w, beta: w}))


def quantities(formula: sp.Expr) -> set[sp.Expr]:
    """What a formula takes from the network: functions of m."""
    return {part for part in formula.atoms(AppliedUndef) if part.has(m)}


def draws(number: int, seed: int = 0) -> pd.DataFrame:
    """Random arguments of the reward, as far apart as published networks and beyond.

    Returns:
        Columns ``ACC`` (share), ``LAT`` and ``T`` (ms; each hundredth network meets the target
        exactly), ``alpha``, ``beta``.
    """
    rng = np.random.default_rng(seed)
    found = pd.DataFrame({"ACC": rng.uniform(0.1, 1, number)})
    found["LAT"], found["T"] = np.exp(rng.uniform(np.log(5), np.log(300), (2, number)))
    found.loc[::100, "LAT"] = found["T"]
    found["alpha"], found["beta"] = -rng.uniform(0, 1, (2, number))
    return found


def evaluate(formula: sp.Expr, drawn: pd.DataFrame) -> list:
    """The formula with `DIGITS` decimal places, a value for each row of `draws`."""
    names = {ACC: "ACC", LAT: "LAT", T: "T", alpha: "alpha", beta: "beta"}
    plain = formula.subs({old: sp.Symbol(new) for old, new in names.items()})
    compute = sp.lambdify([sp.Symbol(name) for name in drawn], plain, modules="mpmath")
    with mp.workdps(DIGITS):
        rows = drawn.to_numpy(dtype=float)
        return [compute(*(mp.mpf(float(x)) for x in row)) for row in rows]


def largest_gap(formula: sp.Expr, drawn: pd.DataFrame) -> float:
    """Largest absolute difference of the package's reward from `evaluate`."""
    ours = reward(*(drawn[name].to_numpy() for name in ("ACC", "LAT", "T", "alpha", "beta")))
    with mp.workdps(DIGITS):
        pairs = zip(ours, evaluate(formula, drawn), strict=True)
        return float(max(abs(mp.mpf(float(a)) - b) for a, b in pairs))


def signs(derivative: sp.Expr, w_value: float, target: float) -> int:
    """The one sign of a derivative for accuracies 0.5 to 0.9 and latencies 20 to 200 ms.

    Raises:
        ValueError: it has several.
    """
    a, l = sp.symbols("a l")  # noqa: E741
    plain = derivative.subs({ACC: a, LAT: l, T: target, w: w_value})
    grid = np.meshgrid(np.linspace(0.5, 0.9, 41), np.linspace(20, 200, 181))
    found = np.unique(np.sign(sp.lambdify([a, l], plain)(*grid)))
    if len(found) != 1:
        raise ValueError(f"the derivative has the signs {found}")
    return int(found[0])


def printed_exponent(version: str = "final_version") -> float:
    """The w of MobileNet V3-Small that a version of its paper prints."""
    text = _noted("papers_mobilenetv3_design.csv", "reward exponent small model", version)
    return float(text.split()[0])


def first_year(key: str) -> int:
    """Year of the first preprint of a reference, by its number in ``book/references.bib``."""
    text = (paths.root() / "book" / "references.bib").read_text(encoding="utf-8")
    entry = re.search(rf"@\w+{{{key},(.*?)\n}}", text, flags=re.DOTALL)
    return 2000 + int(re.search(r"eprint\s*=\s*{(\d\d)\d\d\.", entry.group(1)).group(1))


def _noted(file: str, item: str, column: str) -> str:
    with paths.data(f"papers/{file}").open(encoding="utf-8", newline="") as lines:
        return next(row[column] for row in csv.DictReader(lines) if row["item"] == item)
