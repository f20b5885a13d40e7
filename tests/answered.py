"""The answers beside the tests, and the notebooks that they make of a chapter."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from pathlib import Path

import lying
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import ClearSolutions, ComputeChecksums

LIE = "an object that says that it equals everything"
FOLDER = Path(__file__).parent / "answers"
MARK = re.compile(r"^# %% (?P<id>\S+) (?P<kind>wrong|right): (?P<words>.+)$")


@dataclass(frozen=True)
class Answer:
    """What a student may have written into one answer cell.

    Attributes:
        id: the grade_id of the cell.
        right: whether it deserves the marks.
        words: what is wrong with it, or how else it is right.
        source: of the cell.
    """

    id: str
    right: bool
    words: str
    source: str

    def __str__(self) -> str:
        return f"{self.id} {'right' if self.right else 'wrong'}: {self.words}"


def read(slug: str) -> list[Answer]:
    """The answers to the exercises of a chapter; ValueError if a marker is malformed."""
    text = (FOLDER / f"{slug}.py").read_text(encoding="utf-8")
    _, *parts = re.split(r"^(?=# %%)", text, flags=re.M)
    return [_answer(part) for part in parts]


def _answer(part: str) -> Answer:
    head, _, source = part.partition("\n")
    if not (found := MARK.match(head)):
        raise ValueError(f"{head!r} is not '# %% GRADE_ID wrong: words', nor with 'right'")
    return Answer(found["id"], found["kind"] == "right", found["words"], source.strip())


def exercises(notebook: NotebookNode) -> dict[str, str]:
    """For each answer cell's grade_id that of the test cell after it."""
    found, last = {}, ""
    for cell in notebook.cells:
        if cell.cell_type == "code" and utils.is_solution(cell):
            last = grade_id(cell)
        elif cell.cell_type == "code" and utils.is_grade(cell):
            found[last] = grade_id(cell)
    return found


def grade_id(cell: NotebookNode) -> str:
    """nbgrader's name of a cell."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def submissions(notebook: NotebookNode, answers: list[Answer]) -> dict[str, NotebookNode]:
    """Every notebook that is to be graded, by what is in it; ``notebook`` stays as it is."""
    source = ComputeChecksums().preprocess(copy.deepcopy(notebook), {})[0]
    made = {"reference": source, "untouched": untouched(notebook)}
    return made | {str(answer): _with(source, answer) for answer in answers}


def liars(notebook: NotebookNode) -> list[Answer]:
    """For each exercise the reference solution, but its values are of types that lie."""
    cells = [cell for cell in notebook.cells if grade_id(cell) in exercises(notebook)]
    return [Answer(grade_id(cell), False, LIE, lying.source(cell.source)) for cell in cells]


def untouched(notebook: NotebookNode) -> NotebookNode:
    """What nbgrader grades when a student hands in what was handed out."""
    cleared, resources = ClearSolutions().preprocess(copy.deepcopy(notebook), {})
    return ComputeChecksums().preprocess(cleared, resources)[0]


def _with(notebook: NotebookNode, answer: Answer) -> NotebookNode:
    made = copy.deepcopy(notebook)
    for cell in made.cells:
        if utils.is_solution(cell) and grade_id(cell) == answer.id:
            cell.source = answer.source
    return made
