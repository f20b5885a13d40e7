"""The two sides of a comparison, read from where runs and records lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lwsurvey.claims.ledger import ledger
from lwsurvey.press.rerun import recorded
from lwsurvey.press.rerun.comparison import Comparison, compare_runs
from lwsurvey.press.rerun.recorded import Recorded, RecordedError
from lwsurvey.press.rerun.recording import SMOKE
from lwsurvey.press.results.notebooks import CUSTOM, facts, requested_parameters, runs_folder
from lwsurvey.press.run import freshness
from lwsurvey.press.sources import chapters
from lwsurvey.press.sources.chapters import Chapter
from lwsurvey.press.sources.parameters import unknown


class CompareError(ValueError):
    """Something cannot be compared; one line: what, and what to do."""


@dataclass(frozen=True)
class Compared:
    """What was compared.

    Attributes:
        comparisons: a chapter each, in the order of the book.
        names: of your side and of the other, for people.
        remarks: what the reader should know first, a line each.
    """

    comparisons: tuple[Comparison, ...]
    names: tuple[str, str]
    remarks: tuple[str, ...]


def compare(
    slugs: tuple[str, ...], preset: str, mine: str | None = None, other: str | None = None
) -> Compared:
    """Compare chapters: those named, or all that both sides have.

    Args:
        slugs: of chapters.
        preset: whose runs are yours.
        mine: instead of these runs, a recorded hardware or a folder of records.
        other: the same, instead of the published edition.

    Raises:
        CompareError: a side is missing.
        RecordedError: a run or a record is damaged.
        lwsurvey.press.sources.chapters.ChapterError: no such chapter or preset.
    """
    chosen = chapters.select(chapters.discover(), slugs)
    yours, theirs = _mine(chosen, preset, mine), _published(other)
    remarks, found = [], []
    for chapter in chosen:
        here, there = yours.path(chapter.slug), theirs.path(chapter.slug)
        missing = _missing(chapter.slug, (yours, here), (theirs, there))
        if missing and slugs:
            raise CompareError(missing)
        if missing:
            remarks.append(f"left out: {missing}")
            continue
        run = yours.read(here)
        remarks += yours.remarks(chapter)
        found.append(compare_runs(run, theirs.read(there), ledger()))
    if any(SMOKE in (one.mine.preset, one.published.preset) for one in found):
        remarks.append(f"the preset {SMOKE} is for a look: its numbers decide nothing")
    if not found:
        raise CompareError(_nothing(remarks, preset))
    return Compared(tuple(found), (yours.name, theirs.name), tuple(remarks))


def _nothing(remarks: list[str], preset: str) -> str:
    first = remarks[0].removeprefix("left out: ") if remarks else "there is no chapter"
    return f"there is nothing to compare in preset {preset}: {first}"


def _missing(slug: str, *sides: tuple[Side, Path]) -> str:
    return next((side.missing(slug) for side, path in sides if not path.is_file()), "")


@dataclass(frozen=True)
class Side:
    """A folder with a file for each chapter, and what it is called."""

    folder: Path
    name: str

    def path(self, slug: str) -> Path:
        """Where a chapter's run lies."""
        return self.folder / f"{slug}.json"

    def missing(self, slug: str) -> str:
        """What to say if it is not there."""
        return f"{slug}: no record of it in {self.name}; lwsurvey record {slug} makes one"

    def read(self, path: Path) -> Recorded:
        """A run."""
        return recorded.read(path)

    def remarks(self, chapter: Chapter) -> list[str]:
        """What to know about a run first; of a record nobody can tell whether it is old."""
        return []


@dataclass(frozen=True)
class Published(Side):
    """The records of the published edition."""

    def missing(self, slug: str) -> str:
        """There is nothing that a reader could do."""
        return f"{slug}: the published edition has no record of it; see data/recorded"


@dataclass(frozen=True)
class Runs(Side):
    """Executed notebooks of a preset."""

    preset: str

    def path(self, slug: str) -> Path:
        """Where a chapter's executed notebook lies."""
        return self.folder / f"{slug}.ipynb"

    def missing(self, slug: str) -> str:
        """How to run the chapter."""
        base = self.preset.removesuffix(CUSTOM)
        more = " -p NAME VALUE" if base != self.preset else ""
        return f"{slug}: never run; lwsurvey run {slug} --preset {base}{more}"

    def read(self, path: Path) -> Recorded:
        """What an executed notebook found."""
        return recorded.distil(path)

    def remarks(self, chapter: Chapter) -> list[str]:
        """Whether it is up to date; parameters of your own are taken as they are."""
        custom = self.preset.endswith(CUSTOM)
        base = self.preset.removesuffix(CUSTOM)
        if custom:
            asked = requested_parameters(facts(self.path(chapter.slug)))
        else:
            asked = chapter.resolve(base)
        last = freshness.assess(chapter, base, asked, self.folder)
        return [] if last.fresh else [f"{chapter.slug}: not up to date ({last.why})"]


def _mine(chosen: list[Chapter], preset: str, place: str | None) -> Side:
    if place is None:
        for chapter in chosen:
            chapter.resolve(preset.removesuffix(CUSTOM))
        return Runs(runs_folder(preset), f"the runs of preset {preset}", preset)
    return _recorded(place)


def _published(hardware: str | None) -> Side:
    if hardware is not None:
        return _recorded(hardware)
    name = recorded.published_name()
    if name is None:
        raise RecordedError(
            "there is no published edition in data/recorded to compare with; "
            "name a recorded hardware with --with"
        )
    return Published(recorded.folder() / name, f"the published edition ({name})")


def _machines() -> list[str]:
    return sorted(path.name for path in recorded.folder().glob("*") if path.is_dir())


def _recorded(place: str) -> Side:
    """A folder of the book's records by its name, or any other folder of records.

    A name of the book's wins over a folder that happens to be called so.
    """
    known = _machines()
    if place in known:
        return Side(recorded.folder() / place, f"the record {place}")
    if not Path(place).is_dir():
        raise CompareError(unknown("hardware or folder", place, known))
    return Side(Path(place), f"the records in {place}")
