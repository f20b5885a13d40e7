"""The ledger as text: for a terminal, and as JSON, CSV or Markdown for other programs."""

from __future__ import annotations

import csv
import io
import json
import shutil
import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from lwsurvey.claims.ledger import Ledger, ledger
from lwsurvey.press.results import notebooks
from lwsurvey.press.results.notebooks import PUBLISHED, Record, runs_folder
from lwsurvey.press.run import freshness
from lwsurvey.press.site.state import ALL_VERDICTS, UNEXAMINED
from lwsurvey.press.sources.chapters import Chapter
from lwsurvey.press.sources.parameters import unknown

Rows = list[dict[str, object]]


class ListingError(ValueError):
    """A choice of claims names what does not exist; the message lists what does."""


@dataclass(frozen=True)
class Book:
    """What the published runs say.

    Attributes:
        rows: every claim, see `rows`.
        differences: what the runs and the verdicts in the ledger disagree about.
        departures: verdicts that differ as they may on other hardware or under load.
        remarks: which chapters have not been run, or not since they changed.
    """

    rows: Rows
    differences: list[str]
    departures: list[str]
    remarks: list[str]


def read(chapters: list[Chapter]) -> Book:
    """Read the ledger and the results of the published preset.

    Raises:
        lwsurvey.claims.ledger.LedgerError: the ledger is wrong.
        lwsurvey.press.results.notebooks.ResultError: a result does not hold what it should.
    """
    claims, folder = ledger(), runs_folder()
    files = {chapter.slug: folder / f"{chapter.slug}.ipynb" for chapter in chapters}
    ran = [slug for slug, path in files.items() if path.is_file()]
    found = {record.id: record for slug in ran for record in notebooks.read_records(files[slug])}
    # A chapter that was not run here contradicts nothing.
    open_ = {slug for slug in files if slug not in ran}
    decided = Ledger([claim for claim in claims if claim.chapter not in open_])
    remarks = [line for chapter in chapters if (line := _remark(chapter, folder))]
    differences = notebooks.differences(decided, found, ran)
    departures = notebooks.departures(decided, found)
    return Book(rows(claims, found), differences, departures, remarks)


def _remark(chapter: Chapter, folder: Path) -> str:
    state = freshness.assess(chapter, PUBLISHED, chapter.resolve(PUBLISHED), folder)
    return "" if state.fresh else f"{chapter.slug}: not up to date ({state.why})"


def rows(claims: Ledger, found: dict[str, Record]) -> Rows:
    """Every claim with its verdict, what was measured, and the verdict that the ledger states."""
    listed = []
    for claim in claims:
        fields, record = asdict(claim), found.get(claim.id)
        stated = fields.pop("verdict")
        verdict = record.verdict if record else UNEXAMINED
        measured = record.measured if record else None
        listed.append(fields | {"verdict": verdict, "stated": stated, "measured": measured})
    return listed


def choose(rows: Rows, chapter: str | None, verdict: str | None) -> Rows:
    """The rows of a chapter and a verdict; None means all.

    Raises:
        ListingError: there is no such chapter in the ledger, or no such verdict.
    """
    chapters = list(dict.fromkeys(str(row["chapter"]) for row in rows))
    if chapter is not None and chapter not in chapters:
        raise ListingError(unknown("chapter", chapter, chapters))
    if verdict is not None and verdict not in ALL_VERDICTS:
        raise ListingError(unknown("verdict", verdict, ALL_VERDICTS))
    of_chapter = [row for row in rows if chapter in (None, row["chapter"])]
    return [row for row in of_chapter if verdict in (None, row["verdict"])]


def summary(rows: Rows) -> str:
    """How many claims have which verdict."""
    counts = Counter(str(row["verdict"]) for row in rows)
    parts = [f"{counts[name]} {name}" for name in ALL_VERDICTS if counts[name]]
    return f"{len(rows)} claims: {', '.join(parts) or 'none'}"


def table(rows: Rows) -> str:
    """Columns for a terminal, the statement cut to its width."""
    width = shutil.get_terminal_size((120, 24)).columns
    wide = {k: max((len(str(row[k])) for row in rows), default=0) for k in ("id", "chapter")}
    verdict = max((len(str(row["verdict"])) for row in rows), default=0)
    room = max(width - wide["id"] - wide["chapter"] - verdict - 6, 30)
    lines = []
    for row in rows:
        statement = textwrap.shorten(str(row["statement"]), room, placeholder=" …")
        head = f"{row['id']:{wide['id']}}  {row['chapter']:{wide['chapter']}}"
        lines.append(f"{head}  {row['verdict']:{verdict}}  {statement}\n")
    return "".join(lines)


def as_json(rows: Rows) -> str:
    """A list of objects with all columns."""
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def as_csv(rows: Rows) -> str:
    """All columns; what was measured is JSON in its cell."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {"measured": _compact(row["measured"])} for row in rows)
    return text.getvalue()


def _compact(measured: object) -> str:
    return "" if measured is None else json.dumps(measured, ensure_ascii=False)


def markdown(rows: Rows) -> str:
    """A table with the columns that a reader wants."""
    columns = ("id", "chapter", "verdict", "statement", "source")
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = (" ".join(str(row[name]).replace("|", "\\|").split()) for name in columns)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Rows], str]] = {
    "table": table,
    "json": as_json,
    "csv": as_csv,
    "md": markdown,
}
