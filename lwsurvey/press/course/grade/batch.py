"""Grades all submissions of a course that are new or changed, several at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from lwsurvey.press.course import CourseError
from lwsurvey.press.course.grade import intake, one, outcome
from lwsurvey.press.course.grade.intake import Submission
from lwsurvey.press.course.grade.limits import Limits
from lwsurvey.press.course.grade.outcome import IN_PART, NOT_GRADED, Outcome
from lwsurvey.press.sources.parameters import unknown


def chapters(course: Path, chosen: tuple[str, ...]) -> list[str]:
    """The chapters to grade: those chosen, or all that were handed out.

    Raises:
        CourseError: it is no course, or has no such chapter.
    """
    released = {path.parent.name for path in course.glob("release/*/*.ipynb")}
    found = sorted(name for name in released if (course / "source" / name).is_dir())
    if not found or not (course / "gradebook.db").exists():
        raise CourseError(
            f"{course} is no course folder (nothing in release/, or no gradebook.db); "
            "make one with: lwsurvey assign CHAPTER --out FOLDER"
        )
    for name in chosen:
        if name not in found:
            raise CourseError(unknown("chapter", name, found))
    return list(dict.fromkeys(chosen)) or found


def todo(
    course: Path, chapters: list[str], limits: Limits, force: bool
) -> tuple[list[Submission], int]:
    """The submissions to grade, and how many there are.

    Raises:
        CourseError: there is no submission.
    """
    found = intake.find(course, chapters)
    if not found:
        raise CourseError(
            f"no submissions: {course / 'submitted'} has no folder STUDENT/"
            f"{chapters[0]}; nbgrader's collect and zip_collect fill it, or copy them there"
        )
    return [s for s in found if force or _changed(course, s, limits)], len(found)


def _changed(course: Path, submission: Submission, limits: Limits) -> bool:
    """Whether a grading can come out otherwise than the last one."""
    kept = outcome.load(course, submission.chapter, submission.student)
    try:
        if kept is None or kept.key != submission.key():
            return True
    except OSError:
        return True  # it cannot be read, which grading tells
    return kept.status == IN_PART and kept.limits != asdict(limits)


def run(
    course: Path, submissions: list[Submission], limits: Limits, *, sandbox: bool, jobs: int
) -> Iterator[Outcome]:
    """Grade them; outcomes come as they end.

    Raises:
        CourseError: somebody else is grading this course.
    """
    (course / "grading").mkdir(exist_ok=True)
    lock = FileLock(course / "grading" / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise CourseError(f"{course} is being graded already, by another process") from None
    with lock, ThreadPoolExecutor(jobs) as pool:
        tasks = {pool.submit(_safely, course, s, limits, sandbox): s for s in submissions}
        try:
            for task in as_completed(tasks):
                yield task.result()
        finally:
            for task in tasks:
                task.cancel()
            one.stop()


def _safely(course: Path, submission: Submission, limits: Limits, sandbox: bool) -> Outcome:
    """A fault of ours costs one submission and is told; the others go on."""
    try:
        return one.grade(course, submission, limits, sandbox)
    except Exception as error:
        told = [f"Grading failed: {type(error).__name__}: {error}; this is a fault of lwsurvey."]
        failed = Outcome(submission.student, submission.chapter, "", NOT_GRADED, told, look=True)
        with contextlib.suppress(OSError):  # of a full disk, say; it is told all the same
            failed.save(course)
        return failed
