"""Recorded runs: what executed notebooks found, distilled into files that stay.

They lie in ``data/recorded/HARDWARE/CHAPTER.json`` and are read as data: nothing in them is
executed, and a damaged one gives one clear line.
"""

from __future__ import annotations

import re
from pathlib import Path

from lwsurvey import paths, store
from lwsurvey.press.rerun import recorded_form, strict_json
from lwsurvey.press.rerun.recorded_form import Recorded, RecordedError, as_text
from lwsurvey.press.rerun.strict_json import JsonError
from lwsurvey.press.results import hardware, notebooks
from lwsurvey.press.results.notebooks import Record

PUBLISHED = "PUBLISHED"
"""File that names the folder of the published edition."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,79}")
"""What the folder of a machine may be called."""


def folder() -> Path:
    """Where the recorded runs of the book lie."""
    return paths.root() / "data" / "recorded"


def name(recorded: Recorded) -> str:
    """The folder that a run belongs into if nobody says otherwise."""
    return hardware.slug(recorded.preset, recorded.parameters, recorded.provenance)


def of_run(path: Path) -> Recorded:
    """Distil an executed notebook.

    Raises:
        RecordedError: there is none, or it does not hold what a run leaves.
    """
    again = f"run it again: lwsurvey run {path.stem} --force"
    try:
        facts = notebooks.facts(path)
        found = notebooks.read_records(path)
        content = _content(facts, notebooks.run_entry(path)["provenance"], found)
        return recorded_form.of_text(path.stem, recorded_form.text_of(content).encode("utf-8"))
    except notebooks.ResultError as error:
        raise RecordedError(f"{path.stem}: {error}; {again}") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        reason = error if isinstance(error, JsonError) else "is damaged"
        raise RecordedError(f"{path.stem}: its result {reason}; {again}") from None


def read(path: Path) -> Recorded:
    """Read a recorded run.

    Raises:
        RecordedError: it is missing, damaged, too big, or of another version.
    """
    try:
        return recorded_form.of_text(path.stem, strict_json.content(path))
    except JsonError as error:
        again = f"record it again with: lwsurvey record {path.stem}"
        told = f"{path.parent.name}/{path.name} {error}; {again}"
        raise RecordedError(strict_json.printable(told)) from None


def write(recorded: Recorded, target: Path) -> Path:
    """Write a run into the folder of a machine, whole or not at all.

    Raises:
        RecordedError: it would not be readable.
    """
    text = as_text(recorded)
    target.mkdir(parents=True, exist_ok=True)
    return store.write(target / f"{recorded.chapter}.json", text)


def everything(place: Path | None = None) -> dict[str, dict[str, Recorded]]:
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


def _content(facts: dict, provenance: dict, found: list[Record]) -> dict[str, object]:
    if other := {r.chapter for r in found} - {facts["chapter"]}:
        raise JsonError(f"has verdicts of another chapter, {', '.join(sorted(other))}")
    kept = {key: facts[key] for key in ("chapter", "preset", "parameters", "seconds")}
    claims = [recorded_form.claim(record) for record in found]
    return {"schema": recorded_form.SCHEMA, **kept, "provenance": provenance, "claims": claims}
