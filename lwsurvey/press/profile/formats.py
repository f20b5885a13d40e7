"""A report as text: for a terminal, and as CSV, JSON and Markdown for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from numbers import Integral

import pandas as pd

from lwsurvey.cost.table import SUMS
from lwsurvey.press.profile.report import Report, shape

NARROWEST = 16  # columns that the names of rows keep in any terminal
LEFT = ("layer", "type", "stage", "output")


def table(report: Report, width: int | None = None) -> str:
    """Title, aligned rows and summary for a terminal.

    Args:
        report: what to print.
        width: columns of the terminal, to which the names of rows are cut; None cuts none.
    """
    head, cells = report.head(), report.cells()
    columns = [_aligned(*column) for column in zip(head, zip(*cells, strict=True), strict=True)]
    if width is not None:
        rest = sum(len(column[0]) + 2 for column in columns[1:])
        columns[0] = _cut(columns[0], max(width - rest, NARROWEST))
    lines = ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
    rule = "─" * max(map(len, lines))
    named = [f"{name:16}  {text}" for name, text in report.summary()]
    body = [lines[0], rule, *lines[1:-1], rule, lines[-1]]
    return "\n".join([title(report), "", *body, "", *named]) + "\n"


def title(report: Report) -> str:
    """What was counted, in a line."""
    versions = [f"{name} {version}" for name, version in report.versions.items()]
    settings = [f"{name} {value}" for name, value in report.settings.items() if value]
    return f"{report.network}, input {given(report.inputs)}, {', '.join(settings + versions)}"


def given(inputs: object) -> str:
    """Inputs in words: ``1x3x224x224``, or several of these."""
    if all(isinstance(side, Integral) for side in inputs):
        return shape(inputs)
    return " and ".join(given(part) for part in inputs)


def _aligned(head: str, cells: tuple[str, ...]) -> list[str]:
    if head not in (*LEFT, "calls", "%"):  # figures stand below figures, prefixes below prefixes
        cells = tuple(text if text[-1:].isalpha() else f"{text}  " for text in cells)
    wide = max(map(len, (head, *cells)))
    side = "<" if head in LEFT else ">"
    return [f"{text:{side}{wide}}" for text in (head, *cells)]


def _cut(column: list[str], width: int) -> list[str]:
    """Names cut at the beginning: the end tells layers apart."""
    texts = [text.rstrip() for text in column]
    wide = min(max(map(len, texts)), width)
    short = [text if len(text) <= wide else f"…{text[len(text) - wide + 1 :]}" for text in texts]
    return [f"{text:{wide}}" for text in short]


def markdown(report: Report) -> str:
    """A table with the same cells as in the terminal."""
    head = report.head()
    rule = [":---" if name in LEFT else "---:" for name in head]
    rows = [[text.replace("|", "\\|") for text in row] for row in report.cells()]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))


def as_csv(report: Report) -> str:
    """The exact rows with all columns, without a total; sides are joined by ``x``."""
    text = io.StringIO()
    records = _records(report.frame())
    writer = csv.DictWriter(text, list(report.frame().columns), lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({k: shape(v) if isinstance(v, list) else v for k, v in record.items()})
    return text.getvalue()


def as_json(report: Report) -> str:
    """An object with the totals, what was counted and how, and the exact rows."""
    p, field = report.profile, report.field()
    counted = {
        "network": report.network,
        "inputs": report.inputs,
        **report.settings,
        "conventions": p.conventions.name,
        "unit": report.unit,
        "dtype": report.type,
        **{name: getattr(p, name) for name in SUMS},
        "memory_access_bytes": p.bytes(report.dtype),
        "peak_activations": p.peak_activations,
        "peak_activations_bytes": p.peak_bytes(report.dtype),
        "receptive_field": dict(zip(("layer", "size", "map"), field, strict=True))
        if field
        else None,
        "uncounted": p.uncounted,
        "unused_parameters": p.unused,
        "versions": report.versions,
        "by": report.by,
        "rows": _records(report.frame()),
    }
    return json.dumps(counted, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [
        dict(zip(frame.columns, map(_plain, row), strict=True))
        for row in frame.itertuples(index=False, name=None)
    ]


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    if value is None or value is pd.NA or value != value:
        return None
    return int(value) if isinstance(value, Integral) else value


FORMATS: dict[str, Callable[[Report], str]] = {
    "table": table,
    "csv": as_csv,
    "json": as_json,
    "md": markdown,
}
