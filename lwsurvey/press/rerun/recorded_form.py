"""The form of a recorded run as JSON: how it is written, and what is checked before it is used."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass

from lwsurvey.press.rerun import strict_json
from lwsurvey.press.rerun.strict_json import JsonError
from lwsurvey.press.results import hardware, notebooks
from lwsurvey.press.results.notebooks import Record
from lwsurvey.stats import Estimate

SCHEMA = 1
SCHEMA_FILE = f"recorded/schema-{SCHEMA}.json"


class RecordedError(ValueError):
    """A recorded run cannot be used; one line: which file, what is wrong, what to do."""


@dataclass(frozen=True)
class Recorded:
    """One run of one chapter.

    Attributes:
        chapter: slug.
        preset: of the run; with ``+custom`` if the reader chose parameters.
        parameters: all of them, resolved.
        seconds: that the whole run took.
        provenance: as `lwsurvey.provenance.provenance` gave it.
        records: the verdicts in the order of their ids.
    """

    chapter: str
    preset: str
    parameters: dict[str, object]
    seconds: float
    provenance: dict[str, object]
    records: tuple[Record, ...]

    def machine(self) -> str:
        """What it was computed on, such as ``NVIDIA H200`` or ``AMD EPYC 9B14, 2 cores``."""
        return hardware.machine(self.parameters, self.provenance)


def as_text(recorded: Recorded) -> str:
    """A run as `read` reads it; a line for each claim, so that differences are short.

    Raises:
        RecordedError: it is no valid record.
    """
    try:
        fields = {k: v for k, v in vars(recorded).items() if k != "records"}
        claims = [claim(record) for record in recorded.records]
        text = text_of({"schema": SCHEMA, **fields, "claims": claims})
        of_text(recorded.chapter, text.encode("utf-8"))
    except (ValueError, TypeError, OverflowError) as error:
        raise RecordedError(f"{recorded.chapter}: cannot be recorded: {error}") from None
    return text


def of_text(chapter: str, text: bytes) -> Recorded:
    """The text of a file as a run.

    Raises:
        JsonError: it is not what it should be; the message says why.
    """
    content = _check(chapter, strict_json.parse(text))
    fields = {k: v for k, v in content.items() if k not in ("schema", "claims")}
    run = {key: fields[key] for key in ("chapter", "preset", "parameters", "provenance")}
    found = sorted(content["claims"], key=lambda claim: claim["id"])
    return Recorded(**fields, records=tuple(_record(claim, run) for claim in found))


def _record(claim: dict, run: dict[str, object]) -> Record:
    where = {"chapter": run["chapter"], "preset": run["preset"], "run": run}
    record = Record(**claim | {"failed": tuple(claim["failed"])}, **where)
    try:
        notebooks.measurement(record)
    except (ValueError, TypeError, OverflowError) as error:
        raise JsonError(f"{claim['id']}: {error}") from None
    return record


def claim(record: Record) -> dict[str, object]:
    """A verdict as the file holds it."""
    measured = notebooks.measurement(record)
    if isinstance(measured, Estimate):
        measured = asdict(measured)
    elif isinstance(measured, dict):
        measured = {cell: asdict(estimate) for cell, estimate in measured.items()}
    fields = {"id": record.id, "verdict": record.verdict, "failed": list(record.failed)}
    return fields | {"measured": measured}


def text_of(content: dict[str, object]) -> str:
    """A line for each claim and each other field, sorted, so that differences are short.

    Raises:
        ValueError: it holds what JSON cannot.
    """
    lines = [f" {_json(k)}: {_json(v)}" for k, v in sorted(content.items()) if k != "claims"]
    claims = sorted(content["claims"], key=lambda claim: str(claim["id"]))
    shown = ",\n".join(f"  {_json(claim)}" for claim in claims)
    return "{\n" + ",\n".join([f' "claims": [\n{shown}\n ]', *lines]) + "\n}\n"


def _check(chapter: str, content: object) -> dict[str, object]:
    """The content, if it is a valid recorded run of a chapter.

    Raises:
        JsonError: it is not; the message says why.
    """
    _check_version(content)
    strict_json.check(content, SCHEMA_FILE)
    if content["chapter"] != chapter:
        raise JsonError(f"is of the chapter {content['chapter']}")
    times = Counter(claim["id"] for claim in content["claims"])
    if twice := [claim for claim, n in times.items() if n > 1]:
        raise JsonError(f"decides more than once: {', '.join(twice)}")
    return content


def _check_version(content: object) -> None:
    version = content.get("schema") if isinstance(content, dict) else None
    if type(version) is not int:
        raise JsonError("is no recorded run")
    made = f"(schema {version}, this one reads {SCHEMA})"
    if version > SCHEMA:
        raise JsonError(f"was made by a newer version of lwsurvey {made}: update lwsurvey")
    if version < SCHEMA:
        raise JsonError(f"was made by an older version of lwsurvey {made}")


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
