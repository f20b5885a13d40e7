"""Recorded runs: what executed notebooks found, distilled into files that stay.

They lie in ``data/recorded/HARDWARE/CHAPTER.json`` and are read as data: nothing in them is
executed, and a damaged one gives one clear line.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from lwsurvey import paths, store
from lwsurvey.press.rerun import form
from lwsurvey.press.rerun.form import JsonError
from lwsurvey.press.results import hardware, notebooks
from lwsurvey.press.results.notebooks import Record

PUBLISHED = "PUBLISHED"
"""File that names the folder of the published edition."""
LARGEST = 5 * 2**20
"""Bytes of a file."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,79}")
"""What the folder of a machine may be called."""


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


def folder() -> Path:
    """Where the recorded runs of the book lie."""
    return paths.root() / "data" / "recorded"


def name(recorded: Recorded) -> str:
    """The folder that a run belongs into if nobody says otherwise."""
    return hardware.slug(recorded.preset, recorded.parameters, recorded.provenance)


def distil(path: Path) -> Recorded:
    """Distil an executed notebook.

    Raises:
        RecordedError: there is none, or it does not hold what a run leaves.
    """
    again = f"run it again: lwsurvey run {path.stem} --force"
    try:
        facts = notebooks.facts(path)
        found = notebooks.read_records(path)
        content = _content(facts, notebooks.run_entry(path)["provenance"], found)
        return _of_text(path.stem, _text(content).encode("utf-8"))
    except notebooks.ResultError as error:
        raise RecordedError(f"{path.stem}: {error}; {again}") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        reason = error if isinstance(error, JsonError) else "is damaged"
        raise RecordedError(f"{path.stem}: its result {reason}; {again}") from None


def _content(facts: dict, provenance: dict, found: list[Record]) -> dict[str, object]:
    if other := {r.chapter for r in found} - {facts["chapter"]}:
        raise JsonError(f"has verdicts of another chapter, {', '.join(sorted(other))}")
    kept = {key: facts[key] for key in ("chapter", "preset", "parameters", "seconds")}
    claims = list(map(_claim, found))
    return {"schema": form.SCHEMA, **kept, "provenance": provenance, "claims": claims}


def read(path: Path) -> Recorded:
    """Read a recorded run.

    Raises:
        RecordedError: it is missing, damaged, too big, or of another version.
    """
    try:
        return _of_text(path.stem, _bytes(path))
    except JsonError as error:
        again = f"record it again with: lwsurvey record {path.stem}"
        message = f"{path.parent.name}/{path.name} {error}; {again}"
        raise RecordedError("".join(c if c.isprintable() else "?" for c in message)) from None


def _bytes(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            found = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise JsonError("does not exist") from None
    except OSError as error:
        raise JsonError(f"cannot be read ({error.strerror})") from None
    if len(found) > LARGEST:
        raise JsonError(f"is larger than {LARGEST // 2**20} MiB")
    return found


def _of_text(chapter: str, text: bytes) -> Recorded:
    content = form.parse(text, chapter)
    fields = {k: v for k, v in content.items() if k not in ("schema", "claims")}
    run = {key: fields[key] for key in ("chapter", "preset", "parameters", "provenance")}
    found = sorted(content["claims"], key=lambda claim: claim["id"])
    return Recorded(**fields, records=tuple(_record(claim, run) for claim in found))


def _record(claim: dict, run: dict[str, object]) -> Record:
    where = {"chapter": run["chapter"], "preset": run["preset"], "run": run}
    lists = {name: tuple(claim.get(name, ())) for name in ("failed", "bars")}
    record = Record(**claim | lists, **where)
    try:
        notebooks.measurement(record), notebooks.controls(record)
    except (ValueError, TypeError, OverflowError) as error:
        raise JsonError(f"{claim['id']}: {error}") from None
    return record


def as_text(recorded: Recorded) -> str:
    """A run as `read` reads it; a line for each claim, so that differences are short.

    Raises:
        RecordedError: it is no valid record.
    """
    try:
        fields = {k: v for k, v in vars(recorded).items() if k != "records"}
        claims = list(map(_claim, recorded.records))
        text = _text({"schema": form.SCHEMA, **fields, "claims": claims})
        _of_text(recorded.chapter, text.encode("utf-8"))
    except (ValueError, TypeError, OverflowError) as error:
        raise RecordedError(f"{recorded.chapter}: cannot be recorded: {error}") from None
    return text


def _claim(record: Record) -> dict[str, object]:
    fields = {"id": record.id, "verdict": record.verdict, "failed": list(record.failed)}
    shown = {"asked": record.asked, "controls": record.controls, "bars": list(record.bars)}
    return fields | {"measured": record.measured} | {k: v for k, v in shown.items() if v}


def _text(content: dict[str, object]) -> str:
    """A line for each claim and each other field, sorted."""
    lines = [f" {_json(k)}: {_json(v)}" for k, v in sorted(content.items()) if k != "claims"]
    claims = sorted(content["claims"], key=lambda claim: str(claim["id"]))
    shown = ",\n".join(f"  {_json(claim)}" for claim in claims)
    return "{\n" + ",\n".join([f' "claims": [\n{shown}\n ]', *lines]) + "\n}\n"


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def write(recorded: Recorded, target: Path) -> Path:
    """Write a run into the folder of a machine, whole or not at all.

    Raises:
        RecordedError: it would not be readable.
    """
    text = as_text(recorded)
    target.mkdir(parents=True, exist_ok=True)
    return store.write(target / f"{recorded.chapter}.json", text)


def read_all(place: Path | None = None) -> dict[str, dict[str, Recorded]]:
    """All recorded runs by hardware and chapter.

    Raises:
        RecordedError: one of them cannot be used.
    """
    place = place or folder()
    found = sorted(place.glob("[!.]*/[!.]*.json"))
    machines: dict[str, dict[str, Recorded]] = {}
    for path in found:
        machines.setdefault(path.parent.name, {})[path.stem] = read(path)
    return machines


def check_name(text: str) -> None:
    """Refuse what is no name for the folder of a machine.

    Raises:
        RecordedError: it is none.
    """
    if not NAME.fullmatch(text) or text == PUBLISHED:
        raise RecordedError(
            f"{text!r} is no name for a folder of recorded runs: use up to 80 letters, digits "
            "and . _ + -, a letter or digit first"
        )


def publish(name_: str, place: Path) -> None:
    """Make the runs in a folder those of the published edition."""
    check_name(name_)
    store.write(place / PUBLISHED, name_ + "\n")


def published_name(place: Path | None = None) -> str | None:
    """Name of the folder of the published edition; None if none is published.

    Raises:
        RecordedError: the file says what cannot be a name.
    """
    try:
        text = ((place or folder()) / PUBLISHED).read_text(encoding="utf-8").strip()
        check_name(text)
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, RecordedError):
        again = "lwsurvey record --publish"
        raise RecordedError(
            f"{PUBLISHED} must hold the name of a folder beside it; write it with: {again}"
        ) from None
    return text


def published(place: Path | None = None) -> dict[str, Recorded]:
    """The published edition's runs by chapter.

    Raises:
        RecordedError: there is none, or it cannot be used.
    """
    place = place or folder()
    name_ = published_name(place)
    # Without a name nothing is looked for: beside the folders lies the schema.
    files = sorted((place / name_).glob("[!.]*.json")) if name_ is not None else []
    if not files:
        missing = f"no {PUBLISHED}" if name_ is None else f"no run in {name_}"
        raise RecordedError(
            f"{place.name} has {missing}, so there is no published edition; "
            "record it with: lwsurvey record --publish"
        )
    return {path.stem: read(path) for path in files}
