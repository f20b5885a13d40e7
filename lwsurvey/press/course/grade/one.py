"""Grades one submission: intake, then nbgrader's autograding in a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import nbformat

from lwsurvey.press.course import nbgrader
from lwsurvey.press.course.grade import intake, marks
from lwsurvey.press.course.grade.grading import Grading, Limits, Log
from lwsurvey.press.course.grade.intake import IntakeError, Submission
from lwsurvey.press.course.grade.marks import GRADED, IN_PART, NOT_GRADED, Outcome

MARGIN = 120  # seconds for nbgrader itself, around the cells
RUNNING: set[subprocess.Popen] = set()
AUTOGRADE = [sys.executable, "-P", "-m", "lwsurvey.press.course.grade.autograde"]


def grade(course: Path, submission: Submission, limits: Limits, sandbox: bool) -> Outcome:
    """Grade a submission; whatever it does, there is an outcome.

    Args:
        course: its folder.
        submission: what was handed in.
        limits: of the kernel.
        sandbox: whether the kernel runs in one.
    """
    began = time.monotonic()
    student, chapter = submission.student, submission.chapter
    release = course / "release" / chapter / f"{chapter}.ipynb"
    outcome = Outcome(student, chapter, submission.key(), NOT_GRADED, limits=asdict(limits))
    earlier = any(marks.read(course, chapter, [student])[student].values())
    notebook, log = nbformat.read(release, as_version=4), Log()
    try:
        intake.stage(submission, staging_folder(course, chapter, student), notebook, log)
    except IntakeError as error:
        outcome.told.append(str(error))
    else:
        grading = Grading(limits, release, *_reports(course, submission), sandbox)
        log.save(grading.report)
        _judge(
            grading, outcome, _autograde(course, submission, grading), output(course, submission)
        )
        shutil.rmtree(staging_folder(course, chapter, student))
    if outcome.status == NOT_GRADED and earlier:
        outcome.told.append("Marks that an earlier submission got stand.")
    outcome.seconds = round(time.monotonic() - began, 1)
    outcome.save(course)
    return outcome


def staging_folder(course: Path, chapter: str, student: str) -> Path:
    """Where nbgrader takes a submission from."""
    return course / "grading" / "intake" / student / chapter


def output(course: Path, submission: Submission) -> Path:
    """What nbgrader said."""
    return course / "grading" / "logs" / submission.chapter / f"{submission.student}.log"


def _reports(course: Path, submission: Submission) -> tuple[Path, Path]:
    folder = output(course, submission).parent
    folder.mkdir(parents=True, exist_ok=True)
    found = [folder / f"{submission.student}.{kind}.json" for kind in ("report", "usage")]
    for path in found:
        path.unlink(missing_ok=True)
    return found[0], found[1]


def _autograde(course: Path, submission: Submission, grading: Grading) -> bool:
    """Whether nbgrader came to an end and was content."""
    arguments = [
        submission.chapter, f"--student={submission.student}", "--create", "--force",
        "--CourseDirectory.submitted_directory=grading/intake",
        f"--CourseDirectory.db_url={marks.url(course)}",
    ]  # fmt: skip
    return _run([*AUTOGRADE, *arguments], course, submission, grading) == 0


def _run(command: list[str], course: Path, submission: Submission, grading: Grading) -> int:
    """Run it in a session of its own, and end all of that after its time; its exit status."""
    with output(course, submission).open("w") as said:
        process = subprocess.Popen(
            command,
            cwd=course,
            env=nbgrader.environment() | grading.environment(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        RUNNING.add(process)
        try:
            process.wait(grading.limits.notebook + grading.limits.cell + MARGIN)
        except subprocess.TimeoutExpired:
            said.write("\nIt did not end and was stopped.\n")
        finally:
            RUNNING.discard(process)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def stop() -> None:
    """End what is being graded; a kernel ends when the process that started it has gone."""
    for process in list(RUNNING):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _judge(grading: Grading, outcome: Outcome, ended: bool, said: Path) -> None:
    """What the processes told becomes part of the outcome."""
    log = Log.load(grading.report)
    outcome.told += log.told
    outcome.look, outcome.peak = log.look, grading.peak()
    if ended:
        outcome.status = IN_PART if log.stopped or log.forged else GRADED
        return
    last = " ".join(said.read_text().strip().splitlines()[-1:]) or "it said nothing"
    outcome.told.append(f"nbgrader could not grade it: {last}")
    outcome.key = ""  # so that it is tried again
