"""The chapters of the book, their presets, and the parameters of a run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from lwsurvey import paths
from lwsurvey.press.sources import parameters, plan
from lwsurvey.press.sources.parameters import Parameter, ParameterError, unknown

PUBLISHED = "cpu"
"""The preset of the published numbers, which is the parameters cell itself."""
SETTINGS = {"alone": False, "timeout": 600}
# It becomes the name of a folder.
NAME = re.compile(r"\w[\w.-]*")


class ChapterError(ValueError):
    """A chapter, a preset or a parameter is wrong; the message says which and what to do."""


@dataclass(frozen=True)
class Chapter:
    """A source notebook and its entry in ``presets.yml``.

    Attributes:
        slug: file name without its suffix.
        path: of the source notebook.
        title: its first heading.
        cells: as they lie in the file.
        parameters: of the parameters cell, by name.
        presets: what each preset changes, by the preset's name; ``cpu`` changes nothing.
        alone: whether it must run while no other chapter does, because it times something;
            a smoke run does not heed it.
        timeout: seconds for the whole chapter.
    """

    slug: str
    path: Path
    title: str
    cells: list[dict]
    parameters: dict[str, Parameter]
    presets: dict[str, dict[str, object]]
    alone: bool
    timeout: float

    def resolve(self, preset: str, overrides: dict[str, str] | None = None) -> dict[str, object]:
        """The parameters of a run.

        Args:
            preset: name of a preset.
            overrides: values by name, as they were typed.

        Raises:
            ChapterError: unknown preset, unknown parameter, or a value of the wrong type.
        """
        if preset not in self.presets:
            raise ChapterError(f"{self.slug}: {unknown('preset', preset, self.presets)}")
        try:
            changed = self.presets[preset] | self._parse(overrides or {})
            values = parameters.replace(self.parameters, changed)
        except ParameterError as error:
            raise ChapterError(f"{self.slug}: {error}") from None
        return values | ({"preset": preset} if "preset" in values else {})

    def _parse(self, overrides: dict[str, str]) -> dict[str, object]:
        if "preset" in overrides:
            raise ParameterError("the preset is chosen with --preset, not with -p")
        known = self.parameters
        return {
            name: parameters.parse(text, known[name].value) if name in known else text
            for name, text in overrides.items()
        }


def discover() -> list[Chapter]:
    """All chapters, in the order of the book, those that it does not list yet at the end.

    Raises:
        ChapterError: a notebook or ``presets.yml`` is not of the form that they must have.
        lwsurvey.press.sources.plan.PlanError: the table of contents is wrong.
    """
    folder, book = paths.root() / "notebooks", paths.root() / "book"
    files = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    pages = plan.pages(book) if (book / "_toc.yml").is_file() else []
    slugs = [page for page in pages if page in files]
    slugs += [slug for slug in files if slug not in slugs]
    entries = _entries(folder / "presets.yml", slugs)
    return [_chapter(files[slug], entries[slug]) for slug in slugs]


def select(chapters: list[Chapter], slugs: tuple[str, ...]) -> list[Chapter]:
    """The named chapters in the order of the book; all of them if none is named.

    Raises:
        ChapterError: a name is unknown.
    """
    known = [chapter.slug for chapter in chapters]
    for slug in slugs:
        if slug not in known:
            raise ChapterError(unknown("chapter", slug, known))
    return [chapter for chapter in chapters if not slugs or chapter.slug in slugs]


def find(slug: str) -> Chapter:
    """One chapter.

    Raises:
        ChapterError: there is none of this name, or one of the chapters is not as it must be.
        lwsurvey.press.sources.plan.PlanError: the table of contents is wrong.
    """
    return select(discover(), (slug,))[0]


def read_notebook(path: Path) -> list[dict]:
    """The cells of a source notebook, each with its source as one text.

    Raises:
        ChapterError: the file is no notebook.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [_complete(cell) for cell in cells]
    except OSError as error:
        raise ChapterError(f"notebooks/{path.name}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ChapterError(f"notebooks/{path.name} is no notebook of format 4") from None


def _complete(cell: dict) -> dict:
    needed = {"cell_type": cell["cell_type"], "metadata": dict(cell["metadata"])}
    return cell | needed | {"source": "".join(cell["source"])}


def tags(cell: dict) -> list[str]:
    """The tags of a cell."""
    return cell["metadata"].get("tags", [])


def _entries(path: Path, slugs: list[str]) -> dict[str, dict[str, object]]:
    """The entries of ``presets.yml``, one for each chapter."""
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise ChapterError("notebooks/presets.yml is missing") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise ChapterError(f"notebooks/presets.yml is no YAML{where}") from None
    if not isinstance(entries, dict):
        raise ChapterError("notebooks/presets.yml must map chapters to their presets")
    for slug in entries:
        if slug not in slugs:
            raise ChapterError(f"notebooks/presets.yml: {unknown('chapter', str(slug), slugs)}")
    for slug in slugs:
        _check_entry(slug, entries.get(slug))
    return entries


def _check_entry(slug: str, entry: object) -> None:
    where = f"notebooks/presets.yml: {slug}"
    if not isinstance(entry, dict):
        raise ChapterError(f"{where} needs an entry; notebooks/README.md shows one")
    if not isinstance(entry.get("alone", False), bool):
        raise ChapterError(f"{where}: alone must be true or false, not {entry['alone']!r}")
    timeout = entry.get("timeout", 1)
    if type(timeout) not in (int, float) or not 0 < timeout < float("inf"):
        raise ChapterError(f"{where}: timeout must be seconds, not {timeout!r}")
    for name, changes in entry.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ChapterError(f"{where}: {name!r} is no name for a preset, put a word there")
        if name not in SETTINGS and not isinstance(changes, dict):
            raise ChapterError(f"{where}: preset {name} must map parameters to values")
        if name not in SETTINGS and not all(isinstance(key, str) for key in changes):
            raise ChapterError(f"{where}: preset {name} has a parameter whose name is no text")
    if PUBLISHED in entry:
        raise ChapterError(f"{where}: the preset {PUBLISHED} is the parameters cell itself")


def _chapter(path: Path, entry: dict[str, object]) -> Chapter:
    cells = read_notebook(path)
    tagged = [cell["source"] for cell in cells if "parameters" in tags(cell)]
    if len(tagged) != 1:
        raise ChapterError(
            f"notebooks/{path.name}: {len(tagged)} cells are tagged 'parameters', it must be one"
        )
    try:
        known = parameters.read(tagged[0])
    except ParameterError as error:
        raise ChapterError(f"notebooks/{path.name}: {error}") from None
    changes = {PUBLISHED: {}} | {k: v for k, v in entry.items() if k not in SETTINGS}
    settings = {name: entry.get(name, default) for name, default in SETTINGS.items()}
    chapter = Chapter(path.stem, path, _title(cells), cells, known, changes, **settings)
    for preset in changes:
        _check_preset(chapter, preset)
    return chapter


def _check_preset(chapter: Chapter, preset: str) -> None:
    try:
        chapter.resolve(preset)
    except ChapterError as error:
        raise ChapterError(f"notebooks/presets.yml: preset {preset} of {error}") from None


def _title(cells: list[dict]) -> str:
    lines = (line for cell in cells for line in cell["source"].splitlines())
    return next((line[2:].strip() for line in lines if line.startswith("# ")), "(no title)")
