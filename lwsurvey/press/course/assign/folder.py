"""The course folder: whether a chapter may go in, and putting it in whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lwsurvey.press import templates
from lwsurvey.press.course import CourseError

SETTINGS, DATABASE = "nbgrader_config.py", "gradebook.db"
TEMPLATES = {SETTINGS: "nbgrader_config.txt", "README.md": "instructor.md"}
MARK = "# Made by lwsurvey assign"
"""How the settings of a course begin that this command made."""


def check(course: Path, slugs: Iterable[str], force: bool) -> None:
    """Whether chapters can be put into a folder.

    Args:
        course: the folder; it need not exist.
        slugs: of the chapters.
        force: whether those that it has may be replaced.

    Raises:
        CourseError: it is something else than a course, or a chapter is there already.
    """
    if course.exists() and not is_course(course) and any(course.iterdir()):
        raise CourseError(
            f"{course} is neither empty nor a course that lwsurvey assign made; name a new folder"
        )
    for slug in () if force else slugs:
        _check_chapter(course, slug)


def is_course(folder: Path) -> bool:
    """Whether ``lwsurvey assign`` made this folder."""
    settings = folder / SETTINGS
    return settings.is_file() and MARK in settings.read_text(encoding="utf-8", errors="replace")


def _check_chapter(course: Path, slug: str) -> None:
    if not any((course / step / slug).exists() for step in ("source", "release")):
        return
    if count := len(list(course.glob(f"submitted/*/{slug}"))):
        raise CourseError(
            f"{course} has {slug} already, and submissions of it ({count}), whose marks new tests "
            "can change; --force replaces it all the same, then grade them again"
        )
    raise CourseError(f"{course} has {slug} already; --force replaces it, with edits of yours")


@contextmanager
def change(course: Path, slugs: Iterable[str]) -> Iterator[tuple[Path, Path]]:
    """Folders to work in: one for the course, one for anything else.

    A new course is made beside its place and takes it in the end. In a course that exists,
    the chapters and the gradebook are as before if something fails.
    """
    course.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=course.parent, prefix=f".{course.name}-") as beside:
        work = Path(beside) / "work"
        work.mkdir()
        if is_course(course):
            with _restoring(course, slugs, Path(beside)):
                yield course, work
        else:
            new = Path(beside) / course.name
            new.mkdir()
            for name, template in TEMPLATES.items():
                (new / name).write_text(templates.render(template), encoding="utf-8")
            (new / "submitted").mkdir()
            yield new, work
            _place(new, course)


def _place(new: Path, course: Path) -> None:
    if not course.exists():
        new.replace(course)
        return
    for part in new.iterdir():  # an empty folder stays: somebody's shell may be in it
        part.replace(course / part.name)


@contextmanager
def _restoring(course: Path, slugs: Iterable[str], beside: Path) -> Iterator[None]:
    chapters = [Path(step) / slug for slug in slugs for step in ("source", "release")]
    had = [part for part in chapters if (course / part).exists()]
    database = course / DATABASE
    for part in had:
        shutil.copytree(course / part, beside / "before" / part)
    if database.exists():
        shutil.copy2(database, beside / DATABASE)
    try:
        yield
    except BaseException:
        for part in chapters:
            shutil.rmtree(course / part, ignore_errors=True)
        for part in had:
            shutil.copytree(beside / "before" / part, course / part)
        if (beside / DATABASE).exists():
            shutil.copy2(beside / DATABASE, database)
        raise
