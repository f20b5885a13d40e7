"""Marks as nbgrader's gradebook has them, those that a person gave included."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.utils import is_grade


@dataclass(frozen=True)
class Exercise:
    """A graded cell of a chapter, as it was handed out.

    Attributes:
        name: nbgrader's.
        of: marks that it can get.
        by_hand: whether a person gives them.
    """

    name: str
    of: float
    by_hand: bool


def exercises(release: NotebookNode) -> list[Exercise]:
    """The exercises in the order of the chapter."""
    cells = [cell for cell in release.cells if is_grade(cell)]
    entries = [cell.metadata["nbgrader"] for cell in cells]
    return [Exercise(e["grade_id"], float(e["points"]), bool(e["solution"])) for e in entries]


def read(course: Path, chapter: str, students: list[str]) -> dict[str, dict[str, float | None]]:
    """Marks by student and exercise; None until a person has read it.

    Args:
        course: its folder.
        chapter: slug.
        students: names; those whom nbgrader does not know yet become known, with no marks.
    """
    with Gradebook(url(course)) as gradebook:
        return {student: _of(gradebook, chapter, student) for student in students}


def url(course: Path) -> str:
    """Address of a course's gradebook, where several processes wait for each other."""
    return f"sqlite:///{course / 'gradebook.db'}?timeout=120"


def _of(gradebook: Gradebook, chapter: str, student: str) -> dict[str, float | None]:
    gradebook.update_or_create_student(student)
    try:
        notebook = gradebook.find_submission_notebook(chapter, chapter, student)
    except MissingEntry:
        return {}
    return {grade.name: None if _unread(grade) else float(grade.score) for grade in notebook.grades}


def _unread(grade: object) -> bool:
    """Whether nobody has read it; after a new grading nbgrader asks for marks that it has."""
    return grade.needs_manual_grade and grade.manual_score is None
