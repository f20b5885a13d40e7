"""What became of submissions and which marks they got: kept, read back, and shown."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.utils import is_grade

from lwsurvey import store
from lwsurvey.press import templates
from lwsurvey.press.course.grade import intake

GRADED = "graded"
IN_PART = "graded in part"
NOT_GRADED = "not graded"
BINS = 10


@dataclass
class Outcome:
    """The course of one grading; the marks themselves are in nbgrader's gradebook.

    Attributes:
        student, chapter: whose, and of what.
        key: of the files that were graded.
        status: one of the three above; in part means that cells had to be stopped.
        told: sentences for the instructor.
        look: whether a person should look at the submission.
        seconds: that it took.
        peak: MiB of memory of its kernel at the most; None if none ran.
        limits: that it was graded within.
    """

    student: str
    chapter: str
    key: str
    status: str
    told: list[str] = field(default_factory=list)
    look: bool = False
    seconds: float = 0.0
    peak: int | None = None
    limits: dict[str, float] = field(default_factory=dict)

    def save(self, course: Path) -> None:
        """Write it as a whole."""
        path = outcome_file(course, self.chapter, self.student)
        path.parent.mkdir(parents=True, exist_ok=True)
        store.write(path, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, course: Path, chapter: str, student: str) -> Outcome | None:
        """The outcome that was kept, or None if there is none that can be read."""
        try:
            return cls(**json.loads(outcome_file(course, chapter, student).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None


def outcome_file(course: Path, chapter: str, student: str) -> Path:
    """Where an outcome is kept."""
    return course / "grading" / "records" / chapter / f"{student}.json"


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


def _exercises(release: NotebookNode) -> list[Exercise]:
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


def chapter(course: Path, slug: str) -> Chapter:
    """The marks of a chapter's submissions as they are now in the gradebook."""
    release = nbformat.read(course / "release" / slug / f"{slug}.ipynb", as_version=4)
    students = [submission.student for submission in intake.find(course, [slug])]
    kept = {student: Outcome.load(course, slug, student) for student in students}
    graded = {student: found for student, found in kept.items() if found}
    points = read(course, slug, list(graded))
    return Chapter(slug, _exercises(release), graded, points)


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


@dataclass(frozen=True)
class Bar:
    """How many submissions got all, some or no marks for an exercise.

    Attributes:
        exercise: which one.
        counts: submissions by kind: all, some, none, unread.
        mean: marks per submission that has been read; None if there is none.
    """

    exercise: Exercise
    counts: dict[str, int]
    mean: float | None


def page(chapters: list[Chapter], title: str) -> str:
    """A page that stands alone: no script, no address, light and dark."""
    return templates.render("marks.html", title=title, views=list(map(view, chapters)))


def view(chapter: Chapter) -> dict[str, object]:
    """What the page shows of a chapter."""
    graded = [s for s, found in chapter.outcomes.items() if found.status != NOT_GRADED]
    totals = np.array([chapter.total(student) for student in graded])
    statuses = [found.status for found in chapter.outcomes.values()]
    return {
        "chapter": chapter,
        "counts": {kind: statuses.count(kind) for kind in (GRADED, IN_PART, NOT_GRADED)},
        "mean": totals.mean() if len(totals) else None,
        "spread": totals.std(ddof=1) if len(totals) > 1 else None,
        "histogram": _histogram(totals, chapter.of),
        "bars": [_bar(exercise, chapter, graded) for exercise in chapter.exercises],
        "seconds": sum(found.seconds for found in chapter.outcomes.values()),
        "peak": max((found.peak or 0 for found in chapter.outcomes.values()), default=0),
        "rows": sorted(chapter.outcomes.values(), key=lambda found: found.student),
    }


def _histogram(totals: np.ndarray, of: float) -> list[tuple[str, int, float]]:
    """Range of marks, submissions, and their share of the fullest range."""
    bins = int(of) if of == int(of) <= 2 * BINS else BINS  # a mark each, if they are few
    counts, edges = np.histogram(totals, bins=bins, range=(0, of))
    most = max(counts.max(), 1)
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return [(n, int(c), float(c / most)) for n, c in zip(names, counts, strict=True)]


def _bar(exercise: Exercise, chapter: Chapter, students: list[str]) -> Bar:
    points = [chapter.points[student].get(exercise.name, 0.0) for student in students]
    known = [value for value in points if value is not None]
    counts = {
        "all": sum(value >= exercise.of for value in known),
        "some": sum(0 < value < exercise.of for value in known),
        "none": sum(value <= 0 for value in known),
        "unread": len(points) - len(known),
    }
    return Bar(exercise, counts, float(np.mean(known)) if known else None)
