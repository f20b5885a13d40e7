"""Which results are recorded, where, and what is refused before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lwsurvey.press.rerun import recorded
from lwsurvey.press.rerun.recorded import Recorded, RecordedError
from lwsurvey.press.results import notebooks
from lwsurvey.press.results.notebooks import CUSTOM, ResultError
from lwsurvey.press.run import freshness
from lwsurvey.press.sources import chapters
from lwsurvey.press.sources.chapters import Chapter

SMOKE = "smoke"
SHOWN = 3


@dataclass(frozen=True)
class Request:
    """What the reader asked for.

    Attributes:
        slugs: chapters; none means all whose results are fresh.
        preset: of the runs; ends with ``+custom`` for those with parameters of one's own.
        name: of the folder; None for one after the hardware.
        place: the folder that holds those of the machines.
        publish: whether these become the published edition.
    """

    slugs: tuple[str, ...]
    preset: str
    name: str | None
    place: Path
    publish: bool = False


@dataclass(frozen=True)
class Plan:
    """What will be written.

    Attributes:
        folders: runs by the name of their folder.
        left_out: chapters that nobody named and that have no fresh result, with the reason.
    """

    folders: dict[str, list[Recorded]]
    left_out: dict[str, str]


def plan(request: Request) -> Plan:
    """Read and check everything; nothing is written.

    Raises:
        RecordedError: something cannot be recorded; the message says what to do.
        lwsurvey.press.sources.chapters.ChapterError: there is no such chapter or preset.
    """
    _check(request)
    book = chapters.discover()
    selected = chapters.select(book, request.slugs)
    stale = {c.slug: why for c in selected if (why := _stale(c, request.preset))}
    fresh = [chapter for chapter in selected if chapter.slug not in stale]
    if stale and (request.slugs or request.publish or not fresh):
        raise RecordedError(_refusal(stale, request.preset))
    folders: dict[str, list[Recorded]] = {}
    for chapter in fresh:
        run = _distil(chapter, request.preset)
        recorded.as_text(run)
        folders.setdefault(request.name or recorded.name(run), []).append(run)
    if request.publish:
        _check_published(request, folders)
    return Plan(folders, stale)


def write(plan: Plan, request: Request) -> dict[str, dict[str, list[str]]]:
    """Write the files.

    Returns:
        For each folder the chapters that are ``new``, ``replaced``, ``unchanged``, and those
        ``kept`` from an earlier recording.
    """
    told = {}
    for name, runs in plan.folders.items():
        told[name] = {"new": [], "replaced": [], "unchanged": []}
        for run in runs:
            told[name][_write(run, request.place / name)].append(run.chapter)
        there = sorted(path.stem for path in (request.place / name).glob("[!.]*.json"))
        told[name]["kept"] = [slug for slug in there if slug not in {r.chapter for r in runs}]
    if request.publish:
        recorded.publish(next(iter(plan.folders)), request.place)
    return told


def _write(run: Recorded, target: Path) -> str:
    path = target / f"{run.chapter}.json"
    before = path.read_bytes() if path.is_file() else None
    if before == recorded.as_text(run).encode("utf-8"):
        return "unchanged"
    recorded.write(run, target)
    return "new" if before is None else "replaced"


def _check(request: Request) -> None:
    """What is wrong with the command itself."""
    custom = request.preset.endswith(CUSTOM)
    if request.preset.removesuffix(CUSTOM) == SMOKE:
        raise RecordedError(
            "a smoke run is for a look: its verdicts count for nothing and are not recorded; "
            "run the chapter with --preset cpu or gpu"
        )
    if request.name is not None:
        recorded.check_name(request.name)
    if custom and request.name is None:
        raise RecordedError(
            "runs with parameters of your own are no runs of the book's experiment: "
            "say with --name under which name to record them"
        )
    if request.publish and request.slugs:
        raise RecordedError(
            f"the published edition is made of all chapters at once, not of "
            f"{', '.join(request.slugs)} alone; name none, or record without --publish"
        )
    if request.publish and request.preset != chapters.PUBLISHED:
        raise RecordedError(
            f"the published edition is of the preset {chapters.PUBLISHED}, not {request.preset}; "
            "record these without --publish"
        )


def _stale(chapter: Chapter, preset: str) -> str:
    """Why the result of a chapter cannot be recorded; empty if it can."""
    base, folder = preset.removesuffix(CUSTOM), notebooks.runs_folder(preset)
    parameters = chapter.resolve(base)
    if base != preset:  # the parameters are the reader's, the rest must be as it is now
        try:
            parameters = notebooks.requested_parameters(
                notebooks.facts(folder / f"{chapter.slug}.ipynb")
            )
        except ResultError as error:
            return str(error)
        except (KeyError, TypeError, AttributeError):
            return "its result is of another format"
    last = freshness.assess(chapter, base, parameters, folder)
    return "" if last.fresh else last.why


def _refusal(stale: dict[str, str], preset: str) -> str:
    base = preset.removesuffix(CUSTOM)
    own = " with your parameters" if base != preset else ""
    reasons = "; ".join(f"{slug} ({why})" for slug, why in list(stale.items())[:SHOWN])
    reasons += f"; and {len(stale) - SHOWN} more" if len(stale) > SHOWN else ""
    command = f"lwsurvey run {' '.join(stale)}" + f" --preset {base}" * (base != chapters.PUBLISHED)
    return f"nothing was recorded, not up to date: {reasons}; first run{own}: {command}"


def _distil(chapter: Chapter, preset: str) -> Recorded:
    run = recorded.distil(notebooks.runs_folder(preset) / f"{chapter.slug}.ipynb")
    if run.chapter != chapter.slug or run.preset != preset.removesuffix(CUSTOM):
        found = f"{run.chapter} with the preset {run.preset}"
        raise RecordedError(f"{chapter.slug}: its result is one of {found}; run it again")
    return replace(run, preset=preset)


def _check_published(request: Request, folders: dict[str, list[Recorded]]) -> None:
    """Refuse an edition of several machines, or one with what is no chapter of the book."""
    runs = [run for found in folders.values() for run in found]
    machines: dict[str, list[str]] = {}  # not the folders, because --name puts all into one
    for run in runs:
        machines.setdefault(recorded.name(run), []).append(run.chapter)
    if len(machines) > 1:
        where = "; ".join(f"{name} ({', '.join(slugs)})" for name, slugs in machines.items())
        raise RecordedError(
            f"the published edition is of one machine, these runs are of {len(machines)}: {where}; "
            "run them again on one, or record them without --publish"
        )
    (name,) = folders
    if left := _leftover(request.place / name, {run.chapter for run in runs}):
        raise RecordedError(
            f"{name} has records of what is no chapter of the book, which would be published "
            f"too: {', '.join(left)}; delete them first"
        )


def _leftover(folder: Path, written: set[str]) -> list[str]:
    """Names of the files that are in a folder besides those that will be written."""
    return sorted(path.name for path in folder.glob("[!.]*.json") if path.stem not in written)
