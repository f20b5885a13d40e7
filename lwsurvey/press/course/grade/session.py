"""The command ``lwsurvey grade``."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import click
import pandas as pd

from lwsurvey.durations import duration
from lwsurvey.press.course import CourseError, nbgrader
from lwsurvey.press.course.grade import batch, page, sandbox, table
from lwsurvey.press.course.grade.limits import Limits
from lwsurvey.press.course.grade.outcome import Outcome


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
    slugs = batch.chapters(course, chosen)
    todo, there = batch.todo(course, slugs, limits, force)
    if not trusted:
        sandbox.check()
        if shown := sandbox.shows(course):
            raise CourseError(f"{course} lies in {shown}, which every sandbox shows; move it")
    click.echo(f"{there} submissions, {len(todo)} to grade, {jobs} at a time")
    began = time.monotonic()
    outcomes = batch.run(course, todo, limits, sandbox=not trusted, jobs=jobs)
    for done, outcome in enumerate(outcomes, 1):
        click.echo(_line(outcome, done, len(todo)))
    if todo:
        click.echo(f"Graded {len(todo)} in {duration(time.monotonic() - began)}.")
    for slug in slugs:
        _feedback(course, slug)
    _write(course, slugs)


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
    chapters = [table.read(course, slug) for slug in slugs]
    folder = course / "grading"
    for name, rows in (("marks", table.submissions), ("exercises", table.exercises)):
        found = pd.concat([rows(chapter) for chapter in chapters])
        found.to_csv(folder / f"{name}.csv", index=False)
    title = f"Marks of {course.name}"
    (folder / "index.html").write_text(page.page(chapters, title), encoding="utf-8")
    for chapter in chapters:
        kinds = Counter(found.status for found in chapter.outcomes.values())
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        look = sum(found.look for found in chapter.outcomes.values())
        click.echo(f"{chapter.slug}: {counts}" + (f"; look at {look} of them" if look else ""))
    click.echo(f"Marks are in {folder / 'marks.csv'} and {folder / 'index.html'}")
