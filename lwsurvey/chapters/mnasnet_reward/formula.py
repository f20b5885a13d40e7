"""The reward as the paper prints it, read from the repository's data and evaluated to 40 places."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import sympy as sp
from mpmath import mp

from lwsurvey import paths
from lwsurvey.search.reward import reward

DIGITS = 40
"""Decimal places to which the formula is evaluated; a double has 16."""

m = sp.Symbol("m")
ACC, LAT = (sp.Function(name)(m) for name in ("ACC", "LAT"))
T, alpha, beta, w = sp.symbols("T alpha beta w")


def equation() -> sp.Expr:
    """Equations 2 and 3 of Tan et al. 2019 as one expression in ACC(m), LAT(m), T, alpha, beta."""
    product, rule = printed("mnasnet_search", "reward", "value").split(", w = ")
    within, beyond = re.fullmatch(r"(\w+) if LAT<=T else (\w+)", rule).groups()
    cases = sp.Piecewise((sp.Symbol(within), LAT <= T), (sp.Symbol(beyond), True))
    return sp.sympify(product.replace("^", "**")).subs(w, cases)


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


def largest_gap(formula: sp.Expr, drawn: pd.DataFrame) -> float:
    """Largest absolute difference of the package's reward from a formula with `DIGITS` places."""
    names = {symbol: sp.Symbol(str(symbol.func if symbol.args else symbol))
             for symbol in (ACC, LAT, T, alpha, beta)}  # fmt: skip
    exact = sp.lambdify([*names.values()], formula.subs(names), modules="mpmath")
    rows = drawn[[symbol.name for symbol in names.values()]].to_numpy(dtype=float)
    with mp.workdps(DIGITS):
        places = zip(reward(*rows.T), rows.tolist(), strict=True)
        return float(max(abs(mp.mpf(float(a)) - exact(*map(mp.mpf, row))) for a, row in places))


def printed_exponent(version: str = "final_version") -> float:
    """The w of MobileNet V3-Small that a version of its paper prints."""
    return float(printed("mobilenetv3_design", "reward exponent small model", version).split()[0])


def years(key: str) -> tuple[int, int]:
    """Of a reference: year of its first preprint, by its number, and of its publication."""
    text = (paths.root() / "book" / "references.bib").read_text(encoding="utf-8")
    entry = re.search(rf"@\w+{{{key},(.*?)\n}}", text, flags=re.DOTALL).group(1)
    preprint = re.search(r"eprint\s*=\s*{(\d\d)\d\d\.", entry).group(1)
    return 2000 + int(preprint), int(re.search(r"year\s*=\s*{(\d{4})}", entry).group(1))


def printed(name: str, item: str, column: str) -> str:
    """A cell of a table of ``data/papers`` whose rows are items."""
    table = pd.read_csv(paths.data(f"papers/papers_{name}.csv"), index_col="item")
    return str(table.loc[item, column])
