"""``lwsurvey assign`` and ``lwsurvey grade``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from lwsurvey.press.commands.shared import command


@click.command()
@click.argument("slugs", metavar="CHAPTER...", nargs=-1, required=True)
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The course folder; chapters are added to one that this command made.",
)
@click.option("--force", is_flag=True, help="Replace chapters that the course has already.")
@command
def assign(slugs: tuple[str, ...], out: Path, force: bool) -> None:
    """Make assignments of chapters: a course folder that nbgrader takes as it is.

    Students get DIR/release/CHAPTER: the notebook in the smoke preset without solutions and
    hidden tests, the package at this commit with the data inside, what else to install, and a
    README. It takes some seconds a chapter and needs no network.

    \b
    Examples:
      lwsurvey assign conv-cost --out course
      lwsurvey assign relu-collapse se --out course     two more in the same course
      lwsurvey assign conv-cost --out course --force    made anew after the chapter changed

    Exit status: 0 if it was made, 1 if not, and then the folder is as it was; 2 if the command
    is wrong.
    """
    from lwsurvey.press.course import CourseError
    from lwsurvey.press.course.assign.assignment import assign as make

    try:
        made = make(slugs, out, force)
    except CourseError as error:
        raise click.ClickException(str(error)) from None
    for one in made:
        words = f", {len(one.written)} of them in words" if one.written else ""
        points = f"{sum(one.points.values()):g} points"
        click.echo(f"{one.slug}: {len(one.points)} graded cells{words}, {points}")
    click.echo(f"Students get {out / 'release'}; {out / 'README.md'} says how to go on.")


_LIMITS = (
    ("--seconds", "cell", 60, "Seconds that one cell may run."),
    ("--notebook-seconds", "notebook", 600, "Seconds that all cells of a notebook may run."),
    ("--memory", "memory", 4096, "MiB of memory that a submission may need."),
)


def _limits(function: Callable) -> Callable:
    kind = click.IntRange(min=1)
    for option, name, default, text in reversed(_LIMITS):
        function = click.option(
            option, name, type=kind, default=default, show_default=True, help=text
        )(function)
    return function


@click.command()
@click.argument("course", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("slugs", metavar="[CHAPTER]...", nargs=-1)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Submissions at a time.",
)
@_limits
@click.option("--force", is_flag=True, help="Grade also what was graded before.")
@click.option(
    "--no-sandbox",
    "trusted",
    is_flag=True,
    help="Let submissions read your files and use the network; limits stay.",
)
@command
def grade(
    course: Path, slugs: tuple[str, ...], jobs: int, force: bool, trusted: bool, **limits: int
) -> None:
    """Grade the submissions of a course that are new or changed.

    DIR is a course folder of lwsurvey assign; submissions are where nbgrader has them, in
    DIR/submitted/STUDENT/CHAPTER. Each is graded by nbgrader in a process and a sandbox of its
    own, without a network. Marks go to nbgrader's gradebook, and from there, with those that you
    gave by hand, to DIR/grading/marks.csv, exercises.csv and index.html; what students get back
    is in DIR/feedback. The command can be interrupted: what was graded stays.

    \b
    Examples:
      lwsurvey grade course                        all chapters, two submissions at a time
      lwsurvey grade course conv-cost --jobs 8
      lwsurvey grade course --seconds 120          for slower machines

    Exit status: 0 if every submission has an outcome, also one that could not be read; 1 if
    there is nothing to grade or no sandbox; 2 if the command is wrong.
    """
    from lwsurvey.press.course import CourseError
    from lwsurvey.press.course.grade import session
    from lwsurvey.press.course.grade.grading import Limits
    from lwsurvey.press.course.grade.sandbox import SandboxError

    try:
        session.grade(course, slugs, Limits(**limits), jobs=jobs, force=force, trusted=trusted)
    except (CourseError, SandboxError) as error:
        raise click.ClickException(str(error)) from None
