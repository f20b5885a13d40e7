"""A course with one small chapter that needs no torch, and submissions of many kinds."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lwsurvey.press.course import nbgrader

CHAPTER = "tiny"
SOLUTIONS = {
    "double": "def double(x):\n    return 2 * x",
    "largest": "def largest(values):\n    return max(values)",
}
HIDDEN = {
    "double": "assert type(double(0.5)) is float and double(0.5) == 1.0  # hidden-word",
    "largest": "assert largest([-3, -2]) == -2  # hidden-word",
}
VISIBLE = {
    "double": "assert isinstance(double(2), int)\nassert double(2) == 4",
    "largest": "assert isinstance(largest([1]), int)\nassert largest([1, 3, 2]) == 3",
}
POINTS = {"double": 2, "largest": 3, "words": 4}


def _named(cell: NotebookNode, grade_id: str, **entries: object) -> NotebookNode:
    entry = {"schema_version": 3, "task": False, "grade_id": grade_id, "cell_type": cell.cell_type}
    cell.metadata["nbgrader"] = (
        entry | {"grade": False, "locked": False, "solution": False} | entries
    )
    cell.id = grade_id
    return cell


def source() -> NotebookNode:
    """The chapter with solutions and hidden tests."""
    cells = [new_markdown_cell("# Tiny", id="title"), new_code_cell("offset = 0", id="setup")]
    for name, solution in SOLUTIONS.items():
        head, body = solution.split("\n")
        answer = f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
        test = f"{VISIBLE[name]}\n### BEGIN HIDDEN TESTS\n{HIDDEN[name]}\n### END HIDDEN TESTS"
        cells.append(_named(new_code_cell(answer), name, solution=True))
        graded = dict(grade=True, locked=True, points=POINTS[name])
        cells.append(_named(new_code_cell(test), f"{name}-test", **graded))
    written = dict(grade=True, solution=True, points=POINTS["words"])
    cells.append(_named(new_markdown_cell("Your answer here."), "words", **written))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def make(folder: Path) -> Path:
    """A course folder as nbgrader makes it from the source."""
    place = folder / "source" / CHAPTER
    place.mkdir(parents=True)
    nbformat.write(source(), place / f"{CHAPTER}.ipynb")
    (folder / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.course_id = "t"\n'
    )
    nbgrader.run(folder, "generate_assignment", CHAPTER, "--create", "--force")
    return folder


def released(course: Path) -> NotebookNode:
    """The student version."""
    return nbformat.read(course / "release" / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)


def cell(nb: NotebookNode, grade_id: str) -> NotebookNode:
    """The cell of a name."""
    return next(c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def answered(nb: NotebookNode, **answers: str) -> NotebookNode:
    """A copy with the reference solutions, or other answers in their places."""
    made = copy.deepcopy(nb)
    for name, text in (SOLUTIONS | answers).items():
        cell(made, name).source = text
    return made


def hand_in(course: Path, student: str, nb: NotebookNode | str | None) -> Path:
    """Put a submission where nbgrader looks for it; a text as it is, None for no notebook."""
    folder = course / "submitted" / student / CHAPTER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{CHAPTER}.ipynb"
    if isinstance(nb, str):
        path.write_text(nb)
    elif nb is not None:
        path.write_text(nbformat.writes(nb))
    return path
