"""``lwsurvey ledger``: every claim, for a terminal and as JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from lwsurvey.press.commands.shared import command, formats
from lwsurvey.press.results import notebooks
from lwsurvey.press.results.notebooks import ALL_VERDICTS, UNEXAMINED, Record, runs_folder
from lwsurvey.press.sources.chapters import PUBLISHED, Chapter, discover
from lwsurvey.press.sources.parameters import unknown

if TYPE_CHECKING:
    from lwsurvey.claims.ledger import Ledger

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
    from lwsurvey.claims.ledger import Ledger, ledger
    from lwsurvey.press.run import freshness

    claims, folder = ledger(), runs_folder()
    files = {chapter.slug: folder / f"{chapter.slug}.ipynb" for chapter in chapters}
    ran = [slug for slug, path in files.items() if path.is_file()]
    found = {record.id: record for slug in ran for record in notebooks.read_records(files[slug])}
    # A chapter that was not run here contradicts nothing.
    open_ = {slug for slug in files if slug not in ran}
    decided = Ledger([claim for claim in claims if claim.chapter not in open_])
    remarks = []
    for chapter in chapters:
        last = freshness.assess(chapter, PUBLISHED, chapter.resolve(PUBLISHED), folder)
        if not last.fresh:
            remarks.append(f"{chapter.slug}: not up to date ({last.why})")
    differences = notebooks.differences(decided, found, ran)
    departures = notebooks.departures(decided, found)
    return Book(rows(claims, found), differences, departures, remarks)


def rows(claims: Ledger, found: dict[str, Record]) -> Rows:
    """Every claim with its verdict, what was measured, and the verdict that the ledger states."""
    listed = []
    for claim in claims:
        fields, record = asdict(claim), found.get(claim.id)
        stated = fields.pop("verdict")
        verdict = record.verdict if record else UNEXAMINED
        measured = record.measured if record else None
        found_here = {"verdict": verdict, "stated": stated, "measured": measured}
        listed.append(fields | {"counts_as": claim.role} | found_here)
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
    """How many claims have which verdict, what the examined ones count as, and the tests alone."""
    from lwsurvey.claims.ledger import ROLES

    examined = [row for row in rows if row["verdict"] != UNEXAMINED]
    roles = Counter(str(row["counts_as"]) for row in examined)
    parts = [f"{n} {role if n == 1 else ROLES[role]}" for role in ROLES if (n := roles[role])]
    lines = [f"{len(rows)} claims: {_verdicts(rows)}"]
    if examined:
        tests = [row for row in examined if row["counts_as"] == "test"]
        lines.append(f"{len(examined)} examined: {', '.join(parts)}")
        lines.append(f"the tests alone: {_verdicts(tests)}")
    return "\n".join(lines)


def _verdicts(rows: Rows) -> str:
    counts = Counter(str(row["verdict"]) for row in rows)
    return ", ".join(f"{counts[name]} {name}" for name in ALL_VERDICTS if counts[name]) or "none"


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
    for row in rows:
        measured = row["measured"]
        cell = "" if measured is None else json.dumps(measured, ensure_ascii=False)
        writer.writerow(row | {"measured": cell})
    return text.getvalue()


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


@click.command()
@formats("How to print the claims.")
@click.option("--chapter", metavar="SLUG", help="Only the claims of this chapter.")
@click.option("--verdict", metavar="VERDICT", help="Only claims with this verdict.")
@command
def ledger(form: str, chapter: str | None, verdict: str | None) -> None:
    """Print every claim with the verdict of the last run of the published preset.

    Claims go to standard output, the summary to standard error.

    \b
    Examples:
      lwsurvey ledger --chapter conv-cost
      lwsurvey ledger --verdict "not examined yet"
      lwsurvey ledger --format csv > ledger.csv

    Exit status: 1 if a verdict differs from the one in data/claims.csv.
    """
    from lwsurvey.claims.ledger import LedgerError

    try:
        book = read(discover())
        chosen = choose(book.rows, chapter, verdict)
    except ListingError as error:
        raise click.UsageError(str(error)) from None
    except (LedgerError, notebooks.ResultError) as error:
        raise click.ClickException(str(error)) from None
    # As bytes, because a file or a pipe must not depend on the encoding of a terminal.
    click.echo(FORMATS[form](chosen).encode(), nl=False)
    click.echo(summary(chosen), err=True)
    for line in book.remarks:
        click.echo(line, err=True)
    report_departures(book)
    if book.differences:
        click.echo("The run and data/claims.csv disagree:", err=True)
        click.echo("\n".join(f"  {line}" for line in book.differences), err=True)
        sys.exit(1)


def report_departures(book: Book) -> None:
    """Say which verdicts differ as they may on other hardware or under load."""
    if book.departures:
        click.echo("Verdicts that hardware or load can change, and changed here:", err=True)
        click.echo("\n".join(f"  {line}" for line in book.departures), err=True)
