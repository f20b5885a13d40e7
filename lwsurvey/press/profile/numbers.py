"""How counts are written for people."""

from __future__ import annotations

from numbers import Integral, Real

PREFIXES = ((12, "T"), (9, "G"), (6, "M"), (3, "k"))


def short(number: int) -> str:
    """Four significant digits and a prefix, as ``4.089 G``; below 1000 the number itself."""
    for power, prefix in PREFIXES:
        scaled = float(f"{number / 10**power:.4g}")  # rounded first: 999 960 is 1.000 M
        if scaled >= 1:
            return f"{scaled:.{max(4 - len(str(int(scaled))), 0)}f} {prefix}"
    return str(number)


def exact(number: int) -> str:
    """As `short`, with the whole number behind it."""
    return short(number) if number < 1000 else f"{short(number)} ({number:,})"


def elements(number: int, size: int, type_: str) -> str:
    """A number of elements with its size in bytes, all elements being of one type."""
    unit = "bytes" if size < 1000 else f"{short(size).split()[1]}B"
    return f"{short(number)} elements, {short(size).split()[0]} {unit} as {type_}"


def shape(sides: tuple[int, ...]) -> str:
    """A shape as ``1x3x224x224``."""
    return "x".join(map(str, sides))


def cell(value: object) -> str:
    """A cell of a table: counts short, shares to a hundredth, shapes with crosses."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "×".join(map(str, value))
    if isinstance(value, Integral):
        return short(int(value))
    return f"{value:.2f}" if isinstance(value, Real) else str(value)
