"""Verdicts and run facts, read back from the executed notebooks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbformat

from lwsurvey.claims.ledger import Ledger
from lwsurvey.press.results import PUBLISHED, entries, runs_folder
from lwsurvey.schema import SCHEMA
from lwsurvey.stats import Estimate

__all__ = ["PUBLISHED", "Record", "RecordError", "collect", "differences", "entries"]
__all__ += ["measurement", "read", "runs_folder"]


class RecordError(ValueError):
    """An executed notebook does not hold what it should; the message names it."""


@dataclass(frozen=True)
class Record:
    """A verdict as a run printed it; the fields are those of `lwsurvey.claims.run.record`."""

    id: str
    chapter: str
    preset: str
    verdict: str
    measured: object
    failed: tuple[str, ...]
    run: dict[str, object]


def read(path: Path) -> list[Record]:
    """The verdicts of one executed notebook.

    Raises:
        RecordError: a record is of another schema, or a claim is decided twice.
    """
    notebook = nbformat.read(path, as_version=4)
    records = []
    for entry in entries(notebook, "verdict"):
        if entry.get("schema") != SCHEMA:
            raise RecordError(
                f"{path.name}: a record of schema {entry.get('schema')}, not {SCHEMA}"
            )
        fields = {name: entry[name] for name in ("id", "verdict", "measured", "run")}
        where = {name: entry["run"][name] for name in ("chapter", "preset")}
        records.append(Record(**fields, **where, failed=tuple(entry["failed"])))
    twice = [claim for claim, times in Counter(r.id for r in records).items() if times > 1]
    if twice:
        raise RecordError(f"{path.name}: decided more than once: {', '.join(twice)}")
    return records


def measurement(record: Record) -> Estimate | dict[str, Estimate] | str | None:
    """What the run measured, as `lwsurvey.claims.judge` takes it."""
    measured = record.measured
    if not isinstance(measured, dict):
        return measured
    if "value" in measured and not isinstance(measured["value"], dict):
        return Estimate(**measured)
    return {cell: Estimate(**estimate) for cell, estimate in measured.items()}


def collect(folder: Path) -> dict[str, Record]:
    """All verdicts of the executed notebooks in a folder, by claim."""
    return {record.id: record for path in sorted(folder.glob("*.ipynb")) for record in read(path)}


def differences(ledger: Ledger, records: dict[str, Record], chapters: list[str]) -> list[str]:
    """What the run and the ledger disagree about; empty if the book says what it found.

    Args:
        ledger: the claims with the verdicts that the book states.
        records: what the run concluded.
        chapters: slugs of the chapters that were run.
    """
    found = []
    for claim in ledger:
        record = records.get(claim.id)
        if record and record.verdict != claim.verdict:
            stated = claim.verdict or "nothing yet"
            found.append(
                f"{claim.id} ({claim.chapter}): the run says {record.verdict}, the ledger {stated}"
            )
        elif not record and claim.verdict and claim.chapter not in chapters:
            found.append(
                f"{claim.id}: {claim.verdict} in the ledger, but no chapter {claim.chapter}"
            )
        elif not record and claim.chapter in chapters:
            found.append(f"{claim.id}: the chapter {claim.chapter} does not decide it")
    return found
