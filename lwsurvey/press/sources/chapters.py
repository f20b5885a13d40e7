"""The chapters of the book, their presets, and the parameters of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lwsurvey import paths
from lwsurvey.press.results.results import PUBLISHED
from lwsurvey.press.sources import parameters, plan, presets
from lwsurvey.press.sources.parameters import Parameter, ParameterError, unknown
from lwsurvey.press.sources.presets import SETTINGS, ChapterError


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
    entries = presets.read(folder / "presets.yml", slugs)
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
