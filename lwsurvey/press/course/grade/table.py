"""The table of marks: one row for each submission, and one for each exercise of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd

from lwsurvey.press.course.grade import intake, marks, outcome
from lwsurvey.press.course.grade.marks import Exercise
from lwsurvey.press.course.grade.outcome import Outcome


@dataclass(frozen=True)
class Chapter:
    """The marks of one chapter.

    Attributes:
        slug: its name.
        exercises: in order.
        outcomes: by student.
        points: by student and exercise; None until a person has read it, nothing if not graded.
    """

    slug: str
    exercises: list[Exercise]
    outcomes: dict[str, Outcome]
    points: dict[str, dict[str, float | None]]

    @property
    def of(self) -> float:
        """All marks that there are."""
        return sum(exercise.of for exercise in self.exercises)

    def total(self, student: str) -> float:
        """Marks that a student has so far."""
        return sum(value or 0 for value in self.points[student].values())

    def unread(self, student: str) -> float:
        """Marks of the exercises that a person has still to read."""
        open_ = {name for name, value in self.points[student].items() if value is None}
        return sum(exercise.of for exercise in self.exercises if exercise.name in open_)


def read(course: Path, slug: str) -> Chapter:
    """The marks of a chapter's submissions as they are now in the gradebook."""
    release = nbformat.read(course / "release" / slug / f"{slug}.ipynb", as_version=4)
    students = [submission.student for submission in intake.find(course, [slug])]
    kept = {student: outcome.load(course, slug, student) for student in students}
    graded = {student: found for student, found in kept.items() if found}
    points = marks.read(course, slug, list(graded))
    return Chapter(slug, marks.exercises(release), graded, points)


def submissions(chapter: Chapter) -> pd.DataFrame:
    """A row for each submission."""
    return pd.DataFrame(
        [
            {
                "chapter": chapter.slug,
                "student": student,
                "status": found.status,
                "marks": chapter.total(student),
                "of": chapter.of,
                "to read": chapter.unread(student),
                "look": "yes" if found.look else "",
                "seconds": found.seconds,
                "peak MiB": found.peak,
                "what happened": " ".join(found.told),
            }
            for student, found in sorted(chapter.outcomes.items())
        ]
    )


def exercises(chapter: Chapter) -> pd.DataFrame:
    """A row for each exercise of each submission; marks are empty until a person has read it."""
    return pd.DataFrame(
        [
            {
                "chapter": chapter.slug,
                "student": student,
                "exercise": exercise.name,
                "marks": chapter.points[student].get(exercise.name, 0.0),
                "of": exercise.of,
                "graded": "by hand" if exercise.by_hand else "by test",
            }
            for student in sorted(chapter.outcomes)
            for exercise in chapter.exercises
        ]
    )
