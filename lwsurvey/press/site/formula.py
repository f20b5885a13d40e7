"""Closed forms as text: a SymPy sum of products of letters, printed and evaluated for a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

LETTERS = ("H_in", "W_in", "H", "W", "K", "N", "M", "G")  # the order inside a product
SUPERSCRIPTS = {1: "", 2: "²"}


@dataclass(frozen=True)
class Product:
    """A product of letters.

    Attributes:
        coefficient: a positive integer.
        powers: pairs of letter and power, in the order of `LETTERS`; -1 divides.
    """

    coefficient: int
    powers: tuple[tuple[str, int], ...]


def symbols() -> dict[str, sympy.Symbol]:
    """The letters, to call a closed form with."""
    return {name: sympy.Symbol(name, positive=True, integer=True) for name in LETTERS}


def products(formula: sympy.Expr) -> list[Product]:
    """The products whose sum a formula is, maps before weights.

    Raises:
        ValueError: it is no such sum, or has a power that cannot be printed here.
    """
    found = [_product(term) for term in sympy.Add.make_args(sympy.expand(formula))]
    return sorted(found, key=lambda p: [LETTERS.index(letter) for letter, _ in p.powers])


def html(sum_of: list[Product]) -> str:
    """The formula itself, such as ``<var>H</var> <var>W</var> ...``."""
    letters = {name: variable(name) for name in LETTERS}
    return " + ".join(_written(product, letters, "\u2009") for product in sum_of)


def evaluated(sum_of: list[Product], values: Mapping[str, int]) -> str:
    """The formula with numbers in the place of its letters, such as ``7 × 7 × 3² × 32``."""
    numbers = {name: f"{value:,}" for name, value in values.items()}
    return " + ".join(_written(product, numbers, " × ") for product in sum_of)


def data(sum_of: list[Product]) -> list[list]:
    """The formula for the page's script: coefficients, each with letters and powers."""
    return [[product.coefficient, product.powers] for product in sum_of]


def variable(name: str) -> str:
    """A letter with its index, such as ``<var>H<sub>in</sub></var>``."""
    letter, _, index = name.partition("_")
    return f"<var>{letter}{f'<sub>{index}</sub>' if index else ''}</var>"


def _product(term: sympy.Expr) -> Product:
    coefficient, rest = term.as_coeff_Mul()
    powers = {str(base): power for base, power in rest.as_powers_dict().items()}
    allowed = all(power in (-1, *SUPERSCRIPTS) for power in powers.values())
    if not coefficient.is_Integer or coefficient < 1 or not powers.keys() <= {*LETTERS}:
        raise ValueError(f"{term} is no product of the letters {', '.join(LETTERS)}")
    if not allowed:
        raise ValueError(f"{term}: only the powers 1, 2 and -1 can be printed")
    ordered = tuple((name, int(powers[name])) for name in LETTERS if name in powers)
    return Product(int(coefficient), ordered)


def _written(product: Product, texts: Mapping[str, str], times: str) -> str:
    factors = [] if product.coefficient == 1 else [str(product.coefficient)]
    factors += [texts[name] + SUPERSCRIPTS[power] for name, power in product.powers if power > 0]
    divisors = [texts[name] for name, power in product.powers if power < 0]
    return " / ".join([times.join(factors) or "1", *divisors])
