"""Printed tables against measured ones, cell by cell: as a table, and as one figure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from numbers import Real

import pandas as pd
from matplotlib.figure import Figure

from lwsurvey.claims import judge, ledger
from lwsurvey.claims.ledger import Ledger, LedgerError
from lwsurvey.printed_tables.mosaic import Block, draw

Measured = Mapping[str, float] | float
_DOTTED = re.compile(r"^(?P<row>.+)\.(?P<column>[A-Za-z#][^.]*)$")
_SPACED = re.compile(r"^(?P<row>.+) (?P<column>[a-z-]+)$")


def compare(
    measured: Measured,
    claim_id: str,
    names: Callable[[str], str] = str,
    claims: Ledger | None = None,
) -> pd.DataFrame:
    """Hold a measured table, or a single cell, against what a claim says is printed.

    Args:
        measured: a number for each cell of the claim; one number if the claim is one cell.
        claim_id: the claim in the ledger, whose values and tolerance decide.
        names: from a cell of the claim to its name in the result, such as
            ``"{}.params".format``; of a claim without cells, from the empty string.
        claims: a ledger other than the book's.

    Returns:
        One row a cell: ``cell``, ``printed``, ``counted``, ``agrees``.

    Raises:
        LedgerError: no such claim, another form than a table or a number to equal, or cells
            that are missing or too many.
    """
    claim = (ledger() if claims is None else claims)[claim_id]
    if claim.relation not in ("table", "="):
        raise LedgerError(f"{claim_id} states {claim.relation!r}; only printed numbers are cells")
    verdict = judge(claim, measured)
    if claim.relation == "=":
        failed = not verdict.verdict.startswith("holds")
        printed, measured = {"": claim.rule.value}, {"": measured}
        wrong = {""} if failed else set()
    else:
        printed, wrong = claim.rule.value, set(verdict.failed)
    rows = [
        {"cell": names(cell) or claim_id, "printed": value, "counted": _single(measured[cell]),
         "agrees": cell not in wrong}
        for cell, value in printed.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _single(value: object) -> float:
    if not isinstance(value, Real):
        raise LedgerError(f"a cell is compared with one number, not with {value!r}")
    return value


def split(cell: str) -> tuple[str, str]:
    """Row and column of a cell: what follows the last dot if it begins with a letter or #,
    otherwise a last word in small letters; a cell that has neither is a row without column."""
    found = _DOTTED.match(cell) or _SPACED.match(cell)
    return (found["row"], found["column"]) if found else (cell, "")


def figure(tables: dict[str, pd.DataFrame]) -> Figure:
    """Every compared cell of every table as a square, in the shape of the printed tables.

    Squares that agree are calm; one that does not stands out, and its column, the printed and
    the counted number stand beside its row.

    Args:
        tables: what `compare` returns, by the title of the table; several claims on one table
            are concatenated.

    Raises:
        ValueError: no table, a table without cells, or a cell that appears twice.
    """
    if not tables:
        raise ValueError("there is no table to draw")
    return draw([_block(title, table) for title, table in tables.items()])


def _block(title: str, table: pd.DataFrame) -> Block:
    if table.empty:
        raise ValueError(f"{title}: the table has no cells")
    if repeated := sorted(set(table.cell[table.cell.duplicated()])):
        raise ValueError(f"{title}: cells that appear twice: {', '.join(repeated)}")
    places = [split(cell) for cell in table.cell]
    rows = list(dict.fromkeys(row for row, _ in places))
    notes: dict[str, list[str]] = {}
    for (row, column), cell in zip(places, table.itertuples(), strict=True):
        if not cell.agrees:
            text = f"{column} {number(cell.printed)} → {number(cell.counted)}".strip()
            notes.setdefault(row, []).append(text)
    agrees = dict(zip(places, map(bool, table.agrees), strict=True))
    return Block(
        title, rows, _columns(places), agrees, {row: ", ".join(n) for row, n in notes.items()}
    )


def _columns(places: list[tuple[str, str]]) -> list[str]:
    """Columns in an order that no row contradicts, if there is one: the printed order."""
    before: dict[str, set[str]] = {column: set() for _, column in places}
    rows: dict[str, list[str]] = {}
    for row, column in places:
        before[column] |= set(rows.setdefault(row, []))
        rows[row].append(column)
    order: list[str] = []
    while len(order) < len(before):
        left = [column for column in before if column not in order]
        order.append(next((c for c in left if before[c] <= set(order)), left[0]))
    return order


def number(value: float) -> str:
    """A number at four digits, or all of them before the decimal point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
