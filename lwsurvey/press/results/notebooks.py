"""Executed notebooks: where they lie, and the facts and verdicts that each one holds.

Light on purpose: the command line reads results without loading SciPy, torch or Jupyter.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lwsurvey import paths
from lwsurvey.press.sources.chapters import PUBLISHED
from lwsurvey.schema import METADATA_KEY, SCHEMA, VERDICTS

if TYPE_CHECKING:
    from lwsurvey.claims.ledger import Claim, Ledger
    from lwsurvey.stats import Estimate

CUSTOM = "+custom"
"""Marks the folder of runs with parameters of the user's own."""
UNEXAMINED = "not examined yet"
ALL_VERDICTS = (*VERDICTS, UNEXAMINED)


class ResultError(ValueError):
    """An executed notebook cannot be used; the message says why."""


def runs_folder(preset: str = PUBLISHED) -> Path:
    """Where the executed notebooks of a preset lie."""
    return paths.root() / "_build" / "runs" / preset


def logs_folder(preset: str = PUBLISHED) -> Path:
    """Where the logs of a preset's runs lie."""
    return paths.root() / "_build" / "logs" / preset


def entries(notebook: Mapping, kind: str) -> list[dict]:
    """Our entries of one kind in the outputs' metadata, in the order of the cells.

    Args:
        notebook: an executed notebook, as `nbformat` or `json` reads it.
        kind: ``run``, ``verdict`` or ``figure``.
    """
    outputs = (o for cell in notebook["cells"] for o in cell.get("outputs", ()))
    found = (o.get("metadata", {}).get(METADATA_KEY, {}) for o in outputs)
    return [entry for entry in found if entry.get("type") == kind]


def facts(path: Path) -> dict:
    """What the runner noted about the run that made an executed notebook.

    Raises:
        ResultError: there is none, it is damaged, or it is of another format.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultError("never run") from None
    except (OSError, ValueError):
        raise ResultError("its result cannot be read") from None
    metadata = notebook.get("metadata", {}) if isinstance(notebook, dict) else {}
    found = metadata.get(METADATA_KEY)
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ResultError("its result is of another format")
    return found


def requested_parameters(facts: dict) -> dict[str, object]:
    """The parameters of a run as they were asked for, before the machine allowed only others."""
    replaced = facts.get("replaced", {})
    return facts["parameters"] | {name: both[0] for name, both in replaced.items()}


@dataclass(frozen=True)
class Record:
    """A verdict as a run printed it; the fields are those of `lwsurvey.claims.verdicts.record`.

    Runs of before there were controls, bars and `lwsurvey.claims.words.asked` have none.
    """

    id: str
    chapter: str
    preset: str
    verdict: str
    measured: object
    failed: tuple[str, ...]
    run: dict[str, object]
    controls: dict[str, dict] = field(default_factory=dict)
    bars: tuple[float, ...] = ()
    asked: str = ""


def read_records(path: Path) -> list[Record]:
    """The verdicts of one executed notebook.

    Raises:
        ResultError: the file is damaged, a record is of another schema, or a claim is decided
            twice.
    """
    try:
        found = entries(json.loads(path.read_text(encoding="utf-8")), "verdict")
        other = next((e for e in found if e.get("schema") != SCHEMA), None)
        records = [] if other else [_record(entry) for entry in found]
    except (ValueError, KeyError, TypeError, AttributeError):
        again = f"lwsurvey run {path.stem} --force"
        raise ResultError(f"the result {path.name} is damaged; make it again: {again}") from None
    if other:
        raise ResultError(f"{path.name}: a record of schema {other.get('schema')}, not {SCHEMA}")
    twice = [claim for claim, times in Counter(r.id for r in records).items() if times > 1]
    if twice:
        raise ResultError(f"{path.name}: decided more than once: {', '.join(twice)}")
    return records


def _record(entry: dict) -> Record:
    fields = {name: entry[name] for name in ("id", "verdict", "measured", "run")}
    where = {name: entry["run"][name] for name in ("chapter", "preset")}
    shown = {"controls": dict(entry.get("controls", {})), "bars": tuple(entry.get("bars", ()))}
    shown["asked"] = entry.get("asked", "")
    return Record(**fields, **where, **shown, failed=tuple(entry["failed"]))


def run_entry(path: Path) -> dict[str, object]:
    """The run of an executed notebook, as `lwsurvey.claims.begin` noted it.

    Raises:
        ResultError: the notebook did not begin exactly one.
    """
    found = entries(json.loads(path.read_text(encoding="utf-8")), "run")
    if len(found) != 1:
        raise ResultError(f"{path.name}: has {len(found)} calls of claims.begin, not one")
    return found[0]


def measurement(record: Record) -> Estimate | dict[str, Estimate] | str | None:
    """What the run measured, as `lwsurvey.claims.judge` takes it."""
    from lwsurvey.stats import Estimate  # loads SciPy, which takes a second

    measured = record.measured
    if not isinstance(measured, dict):
        return measured
    if "value" in measured and not isinstance(measured["value"], dict):
        return Estimate(**measured)
    return {cell: Estimate(**estimate) for cell, estimate in measured.items()}


def controls(record: Record) -> dict[str, Estimate]:
    """The controls that a run showed beside its measurement, by name."""
    from lwsurvey.stats import Estimate

    return {name: Estimate(**estimate) for name, estimate in record.controls.items()}


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
        elif not record and claim.verdict:
            missing = f"the chapter {claim.chapter} does not decide it"
            if claim.chapter not in chapters:
                missing = f"{claim.verdict} in the ledger, but no chapter {claim.chapter}"
            found.append(f"{claim.id}: {missing}")
    return found


def departing(ledger: Ledger, records: dict[str, Record]) -> list[Claim]:
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
    return [_departure(claim, records[claim.id]) for claim in departing(ledger, records)]


def _allowed(claim: Claim, record: Record) -> bool:
    if not claim.verdict or claim.scale != "reduced":
        return False
    return bool(claim.hardware) or "inconclusive" in (claim.verdict, record.verdict)


def _departure(claim: Claim, record: Record) -> str:
    stated = claim.verdict or "nothing yet"
    return f"{claim.id} ({claim.chapter}): the run says {record.verdict}, the ledger {stated}"
