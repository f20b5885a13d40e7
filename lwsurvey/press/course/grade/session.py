"""The command ``lwsurvey grade``: grades what is new or changed, several submissions at a time."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import click
import pandas as pd
from filelock import FileLock, Timeout

from lwsurvey.durations import duration
from lwsurvey.press.course import CourseError, nbgrader
from lwsurvey.press.course.grade import intake, marks, one, sandbox
from lwsurvey.press.course.grade.grading import Limits
from lwsurvey.press.course.grade.intake import Submission
from lwsurvey.press.course.grade.marks import IN_PART, NOT_GRADED, Outcome
from lwsurvey.press.sources.parameters import unknown


def grade(
    course: Path,
    chosen: tuple[str, ...],
    limits: Limits,
    *,
    jobs: int = 2,
    force: bool = False,
    trusted: bool = False,
) -> None:
    """Grade what is new in a course, and write its table.

    Args:
        course: its folder.
        chosen: chapters; all of the course if none is named.
        limits: of one submission.
        jobs: submissions at a time.
        force: also what was graded before.
        trusted: without a sandbox.

    Raises:
        CourseError: there is nothing to grade, or somebody else grades it.
        SandboxError: there is no sandbox.
    """
    course = course.resolve()
    slugs = _chapters(course, chosen)
    todo, there = _find(course, slugs, limits, force)
    if not trusted:
        sandbox.check()
        if shown := sandbox.shows(course):
            raise CourseError(f"{course} lies in {shown}, which every sandbox shows; move it")
    click.echo(f"{there} submissions, {len(todo)} to grade, {jobs} at a time")
    began = time.monotonic()
    outcomes = _run(course, todo, limits, isolated=not trusted, jobs=jobs)
    for done, outcome in enumerate(outcomes, 1):
        click.echo(_line(outcome, done, len(todo)))
    if todo:
        click.echo(f"Graded {len(todo)} in {duration(time.monotonic() - began)}.")
    for slug in slugs:
        _feedback(course, slug)
    _write(course, slugs)


def _chapters(course: Path, chosen: tuple[str, ...]) -> list[str]:
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


def _find(
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
    kept = Outcome.load(course, submission.chapter, submission.student)
    try:
        if kept is None or kept.key != submission.key():
            return True
    except OSError:
        return True  # it cannot be read, which grading tells
    return kept.status == IN_PART and kept.limits != asdict(limits)


def _run(
    course: Path, submissions: list[Submission], limits: Limits, *, isolated: bool, jobs: int
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
        tasks = {pool.submit(_safely, course, s, limits, isolated): s for s in submissions}
        try:
            for task in as_completed(tasks):
                yield task.result()
        finally:
            for task in tasks:
                task.cancel()
            one.stop()


def _safely(course: Path, submission: Submission, limits: Limits, isolated: bool) -> Outcome:
    """A fault of ours costs one submission and is told; the others go on."""
    try:
        return one.grade(course, submission, limits, isolated)
    except Exception as error:
        told = [f"Grading failed: {type(error).__name__}: {error}; this is a fault of lwsurvey."]
        failed = Outcome(submission.student, submission.chapter, "", NOT_GRADED, told, look=True)
        with contextlib.suppress(OSError):  # of a full disk, say; it is told all the same
            failed.save(course)
        return failed


def _feedback(course: Path, slug: str) -> None:
    """nbgrader's page for each student: the notebook as it ran, with marks and comments."""
    if not any(course.glob(f"autograded/*/{slug}")):
        return
    try:
        nbgrader.run(course, slug, "--force", module="lwsurvey.press.course.grade.feedback")
    except nbgrader.NbgraderError as error:
        click.echo(f"{slug}: some feedback is missing; {error}", err=True)


def _line(outcome: Outcome, done: int, all_: int) -> str:
    head = f"[{done}/{all_}] {outcome.chapter} {outcome.student}: {outcome.status}"
    told = "".join(f"\n    {sentence}" for sentence in outcome.told)
    return f"{head} ({duration(outcome.seconds)}){told}"


def _write(course: Path, slugs: list[str]) -> None:
    chapters = [marks.chapter(course, slug) for slug in slugs]
    folder = course / "grading"
    for name, rows in (("marks", marks.submissions), ("exercises", marks.exercises)):
        found = pd.concat([rows(chapter) for chapter in chapters])
        found.to_csv(folder / f"{name}.csv", index=False)
    title = f"Marks of {course.name}"
    (folder / "index.html").write_text(marks.page(chapters, title), encoding="utf-8")
    for chapter in chapters:
        kinds = Counter(found.status for found in chapter.outcomes.values())
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        look = sum(found.look for found in chapter.outcomes.values())
        click.echo(f"{chapter.slug}: {counts}" + (f"; look at {look} of them" if look else ""))
    click.echo(f"Marks are in {folder / 'marks.csv'} and {folder / 'index.html'}")
