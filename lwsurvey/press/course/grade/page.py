"""The page of marks: what each exercise did to the class, and what happened to whom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lwsurvey.press import templates
from lwsurvey.press.course.grade.marks import Exercise
from lwsurvey.press.course.grade.outcome import GRADED, IN_PART, NOT_GRADED
from lwsurvey.press.course.grade.table import Chapter

BINS = 10


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
