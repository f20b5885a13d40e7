"""Comparisons of printed and counted cells, as a page shows them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from lwsurvey.printed_tables.cells import split

MARK = {True: "", False: "✗"}


def marked(table: pd.DataFrame) -> pd.DataFrame:
    """One row a cell, with a cross where printed and counted differ.

    Args:
        table: as `lwsurvey.printed_tables.cells.compare` returns it.
    """
    shown = table.assign(differs=table.agrees.map(MARK)).drop(columns="agrees")
    return shown.set_index("cell")


def pivoted(table: pd.DataFrame, columns: Iterable[str] = ()) -> pd.DataFrame:
    """One row for each row of the printed table: printed and counted, side by side.

    Args:
        table: as `lwsurvey.printed_tables.cells.compare` returns it, with cells named
            ``row.column``.
        columns: those to show, in this order; all if none is given. A counted cell that
            differs has a cross.

    Returns:
        Texts; empty where the printed table has no such cell.

    Raises:
        ValueError: no cell has one of the columns.
    """
    rows, names = zip(*map(split, table.cell), strict=True)
    named = table.assign(row=rows, column=names)
    shown: dict[str, pd.Series] = {}
    for column in columns or dict.fromkeys(names):
        cells = named[named.column == column].set_index("row")
        if cells.empty:
            known = ", ".join(sorted(set(names)))
            raise ValueError(f"no cell of a column {column!r}; there are {known}")
        shown[f"{column}, printed"] = cells.printed.map("{:,g}".format)
        counted = zip(cells.counted, cells.agrees, strict=True)
        texts = [f"{_digits(value)} {MARK[bool(agrees)]}".strip() for value, agrees in counted]
        shown[f"{column}, counted"] = pd.Series(texts, index=cells.index)
    order = list(dict.fromkeys(row for row, name in zip(rows, names, strict=True)))
    frame = pd.DataFrame(shown).reindex(order).dropna(how="all").fillna("")
    return frame.rename_axis("row")


def _digits(value: float) -> str:
    """Four significant digits, or all of them before the decimal point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
