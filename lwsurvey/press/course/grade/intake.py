"""What was handed in, copied to where nbgrader takes it from, and whether it can be read."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lwsurvey.press.course.grade.grading import LOOK, Log

LARGEST = 50  # MiB of a notebook, or of all other files of a submission
MANY = 200  # files of a submission


class IntakeError(ValueError):
    """A submission cannot be graded; the message says why."""


@dataclass(frozen=True)
class Submission:
    """One student's folder for one chapter.

    Attributes:
        student: name of the student's folder.
        chapter: slug.
        folder: ``submitted/STUDENT/CHAPTER``.
    """

    student: str
    chapter: str
    folder: Path

    def key(self) -> str:
        """Changes when a file of the submission does, or the chapter with its tests."""
        made = hashlib.sha256()
        source = self.folder.parents[2] / "source" / self.chapter / f"{self.chapter}.ipynb"
        for path in (source, *_files(self.folder)):
            made.update(os.fsencode(path.name) + b"\0%d\0" % path.stat().st_size)
            with path.open("rb") as file:
                made.update(hashlib.file_digest(file, "sha256").digest())
        return made.hexdigest()


def find(course: Path, chapters: list[str]) -> list[Submission]:
    """All submissions of a course's folder ``submitted``, by chapter and student."""
    students = sorted(p for p in (course / "submitted").glob("*") if p.is_dir())
    pairs = [(chapter, student) for chapter in chapters for student in students]
    return [
        Submission(student.name, chapter, student / chapter)
        for chapter, student in pairs
        if (student / chapter).is_dir()
    ]


def stage(submission: Submission, place: Path, release: NotebookNode, log: Log) -> None:
    """Copy a submission to ``place``, without links and with the notebook under its name.

    Args:
        submission: what was handed in; it stays as it is.
        place: ``.../STUDENT/CHAPTER``; replaced if it is there.
        release: what was handed out.
        log: takes what was changed.

    Raises:
        IntakeError: there is no notebook that could be graded.
    """
    if strange := set(submission.student) & set("*?[]"):
        raise IntakeError(
            f"nbgrader cannot take the name {submission.student}; rename the folder, without "
            + "".join(sorted(strange))
        )
    shutil.rmtree(place, ignore_errors=True)
    source = _notebook(submission, _names(release), log)
    files = [path for path in _files(submission.folder) if path.suffix != ".ipynb"]
    if len(files) > MANY or _size(files) > LARGEST:
        log.tell(f"Its other files are left out: more than {MANY}, or than {LARGEST} MiB.")
        files = []
    for path in files:
        target = place / path.relative_to(submission.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place / f"{submission.chapter}.ipynb")
    if code := [_shown(path) for path in files if path.suffix == ".py"]:
        log.tell(f"{LOOK}: it brings Python files of its own, {', '.join(code)}.", look=True)


def _notebook(submission: Submission, names: set[str], log: Log) -> Path:
    """The notebook that was handed in, under whatever name."""
    expected = submission.folder / f"{submission.chapter}.ipynb"
    if expected in set(_files(submission.folder)):
        read(expected)
        return expected
    others = [p for p in _files(submission.folder) if p.suffix == ".ipynb"]
    fitting = [p for p in others if _is_of(p, names)]
    if len(fitting) == 1:
        log.tell(f"The notebook was handed in as {_shown(fitting[0])}.")
        return fitting[0]
    found = ", ".join(map(_shown, others)) or "none at all"
    raise IntakeError(f"There is no notebook {expected.name} in the submission ({found}).")


def _is_of(path: Path, names: set[str]) -> bool:
    try:
        return bool(names & _names(read(path)))
    except IntakeError:
        return False


def read(path: Path) -> NotebookNode:
    """A notebook of any version of the format, as version 4.

    Raises:
        IntakeError: it is too large or no notebook.
    """
    if _size([path]) > LARGEST:
        raise IntakeError(
            f"{path.name} has {_size([path]):.0f} MiB, and {LARGEST} are read; its outputs must "
            "be cleared before it can be graded."
        )
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        cells = [(cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]
    except Exception as error:  # nbformat fails in many ways on files that are no notebooks
        raise IntakeError(f"{path.name} is no notebook: {_brief(error)}.") from None
    if not all(isinstance(source, str) for _, source, _ in cells):
        raise IntakeError(f"{path.name} is no notebook: a cell has no text.")
    return notebook


def _shown(path: Path) -> str:
    """A file's name as text, whatever bytes it is made of."""
    return os.fsencode(path.name).decode("utf-8", errors="replace")


def _brief(error: Exception) -> str:
    """An error in a line; nbformat quotes the whole file in some."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else f"{text[:117]}..."


def _names(notebook: NotebookNode) -> set[str]:
    """Names of the graded cells."""
    entries = (cell.metadata.get("nbgrader", {}) for cell in notebook.cells)
    return {str(e["grade_id"]) for e in entries if isinstance(e, dict) and e.get("grade_id")}


def _files(folder: Path) -> Iterator[Path]:
    """Regular files, in order; no links, which could show what lies elsewhere."""
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__pycache__")))
        for path in (Path(top) / name for name in sorted(names)):
            if path.is_file() and not path.is_symlink():
                yield path


def _size(paths: list[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / 2**20
