"""Chapters of the book as assignments of a course."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lwsurvey import paths
from lwsurvey.press.course.assign import chapter as chapter_source
from lwsurvey.press.course.assign import folder, references, requirements, texts, wheel
from lwsurvey.press.course.assign.generate import generate, grader
from lwsurvey.press.course.assign.readable import Book
from lwsurvey.press.course.errors import CourseError
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
    book = Book(titles, references.read(root / "book" / "references.bib"))
    notebooks = [chapter_source.notebook(one, book) for one in wanted]
    needed = requirements.of_students(root)
    with folder.changing(course, [one.slug for one in wanted]) as (place, work):
        package, nbgrader = wheel.build(root, work), grader(place)
        for one, notebook in zip(wanted, notebooks, strict=True):
            _put(one, notebook, place / "source" / one.slug, package, needed)
            generate(nbgrader, one.slug)
    return [_described(*pair) for pair in zip(wanted, notebooks, strict=True)]


def _put(
    chapter: Chapter, notebook: NotebookNode, target: Path, package: Path, needed: str
) -> None:
    readme = _readme(chapter, _described(chapter, notebook), package.name)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    nbformat.write(notebook, target / f"{chapter.slug}.ipynb")
    shutil.copy(package, target)
    (target / "requirements.txt").write_text(needed, encoding="utf-8")
    (target / "README.md").write_text(readme, encoding="utf-8")


def _described(chapter: Chapter, notebook: NotebookNode) -> Made:
    graded = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
    points = {c.metadata.nbgrader.grade_id: c.metadata.nbgrader.points for c in graded}
    written = (c.metadata.nbgrader.grade_id for c in graded if c.cell_type == "markdown")
    return Made(chapter.slug, points, tuple(written))


def _readme(chapter: Chapter, made: Made, package: str) -> str:
    words = {name: " (in words)" if name in made.written else "" for name in made.points}
    rows = (
        f"| {i}. {name.removesuffix('-test')}{words[name]} | {points:g} |"
        for i, (name, points) in enumerate(made.points.items(), 1)
    )
    return texts.STUDENT.format(
        title=chapter.title, slug=chapter.slug, wheel=package, exercises="\n".join(rows)
    )
