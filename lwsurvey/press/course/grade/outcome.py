"""What became of one submission, kept as ``grading/records/CHAPTER/STUDENT.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lwsurvey import store

GRADED = "graded"
IN_PART = "graded in part"
NOT_GRADED = "not graded"


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
        path = place(course, self.chapter, self.student)
        path.parent.mkdir(parents=True, exist_ok=True)
        store.write(path, json.dumps(asdict(self), indent=1) + "\n")


def place(course: Path, chapter: str, student: str) -> Path:
    """The file of an outcome."""
    return course / "grading" / "records" / chapter / f"{student}.json"


def load(course: Path, chapter: str, student: str) -> Outcome | None:
    """The outcome that was kept, or None if there is none that can be read."""
    path = place(course, chapter, student)
    try:
        return Outcome(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
