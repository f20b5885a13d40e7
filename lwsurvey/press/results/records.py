"""Verdicts and run facts, read back from the executed notebooks."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lwsurvey.claims.ledger import Claim, Ledger
from lwsurvey.press.results.results import entries
from lwsurvey.schema import SCHEMA
from lwsurvey.stats import Estimate


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
        RecordError: the file is damaged, a record is of another schema, or a claim is decided
            twice.
    """
    try:
        found = entries(json.loads(path.read_text(encoding="utf-8")), "verdict")
        other = next((e for e in found if e.get("schema") != SCHEMA), None)
        records = [] if other else [_record(entry) for entry in found]
    except (ValueError, KeyError, TypeError, AttributeError):
        again = f"lwsurvey run {path.stem} --force"
        raise RecordError(f"the result {path.name} is damaged; make it again: {again}") from None
    if other:
        raise RecordError(f"{path.name}: a record of schema {other.get('schema')}, not {SCHEMA}")
    twice = [claim for claim, times in Counter(r.id for r in records).items() if times > 1]
    if twice:
        raise RecordError(f"{path.name}: decided more than once: {', '.join(twice)}")
    return records


def _record(entry: dict) -> Record:
    fields = {name: entry[name] for name in ("id", "verdict", "measured", "run")}
    where = {name: entry["run"][name] for name in ("chapter", "preset")}
    return Record(**fields, **where, failed=tuple(entry["failed"]))


def begun(path: Path) -> dict[str, object]:
    """The run of an executed notebook, as `lwsurvey.claims.begin` noted it.

    Raises:
        RecordError: the notebook did not begin exactly one.
    """
    found = entries(json.loads(path.read_text(encoding="utf-8")), "run")
    if len(found) != 1:
        raise RecordError(f"{path.name}: has {len(found)} calls of claims.begin, not one")
    return found[0]


def measurement(record: Record) -> Estimate | dict[str, Estimate] | str | None:
    """What the run measured, as `lwsurvey.claims.judge` takes it."""
    measured = record.measured
    if not isinstance(measured, dict):
        return measured
    if "value" in measured and not isinstance(measured["value"], dict):
        return Estimate(**measured)
    return {cell: Estimate(**estimate) for cell, estimate in measured.items()}


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
        if record and record.verdict != claim.verdict and not _allowed(claim, record):
            found.append(_departure(claim, record))
        elif not record and claim.verdict and claim.chapter not in chapters:
            found.append(
                f"{claim.id}: {claim.verdict} in the ledger, but no chapter {claim.chapter}"
            )
        elif not record and claim.chapter in chapters:
            found.append(f"{claim.id}: the chapter {claim.chapter} does not decide it")
    return found


def departed(ledger: Ledger, records: dict[str, Record]) -> list[Claim]:
    """The claims whose verdict differs from the ledger's as it may, see `departures`."""
    return [
        claim
        for claim in ledger
        if (record := records.get(claim.id))
        and record.verdict != claim.verdict
        and _allowed(claim, record)
    ]


def departures(ledger: Ledger, records: dict[str, Record]) -> list[str]:
    """What a run says otherwise than the ledger, as other hardware or load can make it."""
    return [_departure(claim, records[claim.id]) for claim in departed(ledger, records)]


def _allowed(claim: Claim, record: Record) -> bool:
    if not claim.verdict or claim.scale != "reduced":
        return False
    return bool(claim.hardware) or "inconclusive" in (claim.verdict, record.verdict)


def _departure(claim: Claim, record: Record) -> str:
    stated = claim.verdict or "nothing yet"
    return f"{claim.id} ({claim.chapter}): the run says {record.verdict}, the ledger {stated}"
