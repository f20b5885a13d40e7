"""Chapters of the book as assignments: the smoke preset, and text that Jupyter shows."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator, ValidationError

from lwsurvey import paths
from lwsurvey.press import templates
from lwsurvey.press.course import CourseError
from lwsurvey.press.course.assign import folder
from lwsurvey.press.course.assign.generate import generate, grader
from lwsurvey.press.site import myst, package
from lwsurvey.press.site.myst import Book
from lwsurvey.press.sources import chapters
from lwsurvey.press.sources.chapters import Chapter


@dataclass(frozen=True)
class Made:
    """An assignment.

    Attributes:
        slug: of the chapter.
        points: by exercise, in the order of the notebook.
        written: exercises that a person must read.
    """

    slug: str
    points: dict[str, float]
    written: tuple[str, ...]


def assign(slugs: Sequence[str], out: Path, force: bool = False) -> list[Made]:
    """Put chapters into a course folder, all of them or, after an error, none.

    Args:
        slugs: of the chapters.
        out: the course folder; it is made if it does not exist.
        force: replace chapters that it has.

    Raises:
        ChapterError: a chapter is unknown or wrong.
        CourseError: the folder is something else, has a chapter already, or a tool failed.
    """
    root, course = paths.root(), out.resolve()
    if not (root / "pyproject.toml").is_file():
        raise CourseError(f"{root} is no checkout of the book, whose notebooks this command needs")
    found = chapters.discover()
    wanted = chapters.select(found, tuple(slugs))
    folder.check(course, [one.slug for one in wanted], force)
    titles = {one.slug: one.title for one in found}
    book = Book(titles, myst.references(root / "book" / "references.bib"))
    notebooks = [notebook(one, book) for one in wanted]
    try:
        needed = package.requirements(root)
        with folder.change(course, [one.slug for one in wanted]) as (place, work):
            wheel, nbgrader = package.build(root, work), grader(place)
            for one, made in zip(wanted, notebooks, strict=True):
                _put(one, made, place / "source" / one.slug, wheel, needed)
                generate(nbgrader, one.slug)
    except package.PackageError as error:
        raise CourseError(str(error)) from None
    return [_describe(*pair) for pair in zip(wanted, notebooks, strict=True)]


def _put(
    chapter: Chapter, made: NotebookNode, target: Path, wheel: Path, requirements: str
) -> None:
    readme = _readme(chapter, _describe(chapter, made), wheel.name)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    nbformat.write(made, target / f"{chapter.slug}.ipynb")
    shutil.copy(wheel, target)
    (target / "requirements.txt").write_text(requirements, encoding="utf-8")
    (target / "README.md").write_text(readme, encoding="utf-8")


def _describe(chapter: Chapter, made: NotebookNode) -> Made:
    graded = [c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade")]
    points = {c.metadata.nbgrader.grade_id: c.metadata.nbgrader.points for c in graded}
    written = (c.metadata.nbgrader.grade_id for c in graded if c.cell_type == "markdown")
    return Made(chapter.slug, points, tuple(written))


def _readme(chapter: Chapter, made: Made, wheel: str) -> str:
    words = {name: " (in words)" if name in made.written else "" for name in made.points}
    rows = (
        f"| {i}. {name.removesuffix('-test')}{words[name]} | {points:g} |"
        for i, (name, points) in enumerate(made.points.items(), 1)
    )
    return templates.render(
        "student.md",
        title=chapter.title,
        slug=chapter.slug,
        wheel=wheel,
        exercises="\n".join(rows),
    )


PRESET = "smoke"


def notebook(chapter: Chapter, book: Book) -> NotebookNode:
    """The source of an assignment, with solutions and hidden tests.

    Args:
        chapter: of the book.
        book: what its text refers to.

    Raises:
        CourseError: its exercises are not such that nbgrader takes them.
    """
    made = nbformat.read(chapter.path, as_version=4)
    for cell in made.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source = parameters(cell.source, chapter.resolve(PRESET))
    made = myst.plain(made, book)
    _check(made, chapter.slug)
    return made


def parameters(source: str, values: dict[str, object]) -> str:
    """A parameters cell with other values; what stays equal and all comments stay.

    Args:
        source: of the cell, plain assignments.
        values: by name.
    """
    lines = source.encode().splitlines(keepends=True)  # columns of the syntax tree are bytes
    for node in reversed(ast.parse(source).body):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if ast.literal_eval(node.value) != values[target.id]:
            first, last = node.value.lineno - 1, node.value.end_lineno - 1
            begin = lines[first][: node.value.col_offset]
            end = lines[last][node.value.end_col_offset :]
            lines[first : last + 1] = [begin + _literal(values[target.id]).encode() + end]
    return b"".join(lines).decode()


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _check(made: NotebookNode, slug: str) -> None:
    try:
        nbformat.validate(made)
        MetadataValidator().validate_nb(made)
    except (nbformat.ValidationError, ValidationError) as error:
        raise CourseError(f"{slug}: nbgrader does not take its exercises: {error}") from None
