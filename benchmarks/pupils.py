"""A class of thirty for a chapter, each with the marks that are known to be deserved.

Right and wrong answers are those beside the tests, in ``tests/answers``.
"""

from __future__ import annotations

import ast
import copy
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from lwsurvey import paths

sys.path.insert(0, str(paths.root() / "tests"))
import answered

TEN = 10
LOOP = "    while True:\n        pass"
BOMB = "    hog = []\n    while True:\n        hog.append(bytearray(10**8))"
EXIT = "    import os\n    os._exit(0)"
FLOOD = "    while True:\n        print('x' * 10**5)"
NEUTRAL = """import ast
class Gone(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Gone())"""
SPY = """import os
for top in ("COURSE", "..", "../..", "/home", "/root"):
    for folder, _, names in os.walk(top):
        for name in names:
            if name.endswith((".ipynb", "gradebook.db")):
                get_ipython().ast_transformers.append(None)  # found: costs all marks"""


@dataclass(frozen=True)
class Pupil:
    """One submission.

    Attributes:
        name: of the student.
        kind: right, partly right, or hostile.
        what: in words.
        deserves: marks.
        file: text of the notebook; None for none.
    """

    name: str
    kind: str
    what: str
    deserves: float
    file: str | None


class Class:
    """Makes the thirty out of a course's released and source notebooks of one chapter."""

    def __init__(self, course: Path, slug: str) -> None:
        self.course = course
        self.release = self._read("release", slug)
        self.source = self._read("source", slug)
        self.answers = answered.read(slug)
        self.tests = answered.exercises(self.source)

    def _read(self, part: str, slug: str) -> NotebookNode:
        return nbformat.read(self.course / part / slug / f"{slug}.ipynb", as_version=4)

    def points(self, answer: str) -> float:
        """Marks of the test of an answer."""
        return _cell(self.source, self.tests[answer]).metadata["nbgrader"]["points"]

    @property
    def all(self) -> float:
        """Marks of all tests."""
        return sum(map(self.points, self.tests))

    def notebook(self, **answers: str) -> NotebookNode:
        """The student version with the reference solutions, or other answers in their places."""
        made = copy.deepcopy(self.release)
        for name in self.tests:
            given = _cell(self.source, name).source
            _cell(made, name).source = answers.get(name, given)
        return made


def pupils(course: Path, slug: str) -> list[Pupil]:
    """The thirty of a chapter."""
    made = Class(course, slug)
    found = [*_right(made), *_partly(made), *_hostile(made)]
    return [Pupil(f"pupil{i:02}", *rest) for i, rest in enumerate(found, 1)]


def _right(made: Class) -> list[tuple]:
    """The reference, and with one or more answers written in another way."""
    others = [answer for answer in made.answers if answer.right]
    rows = [("the reference solution", {})]
    rows += [(str(answer), {answer.id: answer.source}) for answer in others]
    rows.append(("all of them in another way", {a.id: a.source for a in others}))
    rows = (rows * TEN)[:TEN]
    return [
        ("right", what, made.all, nbformat.writes(made.notebook(**given))) for what, given in rows
    ]


def _partly(made: Class) -> list[tuple]:
    """One answer wrong, then two of them, until there are ten."""
    wrong = [answer for answer in made.answers if not answer.right]
    pairs = [(a, b) for a in wrong for b in wrong if a.id < b.id]
    rows = [(one,) for one in wrong] + pairs
    step = max(len(rows) // TEN, 1)
    return [
        (
            "partly right",
            "; ".join(map(str, row)),
            made.all - sum(made.points(answer.id) for answer in row),
            nbformat.writes(made.notebook(**{answer.id: answer.source for answer in row})),
        )
        for row in rows[::step][:TEN]
    ]


def _hostile(made: Class) -> list[tuple]:
    first, rest = next(iter(made.tests)), made.all - made.points(next(iter(made.tests)))
    ends = {"endless loop": LOOP, "memory bomb": BOMB, "ends the kernel": EXIT, "prints": FLOOD}
    rows = [
        (what, rest, made.notebook(**{first: _ending(made, body)})) for what, body in ends.items()
    ]
    rows += [
        ("takes assertions away", 0.0, _before(made.notebook(), NEUTRAL)),
        ("looks for tests and marks", made.all, _before(made.notebook(), SPY, made.course)),
        ("deleted tests", made.all, _without(made.notebook(), made.tests.values())),
        ("every cell twice", made.all, _twice(made.notebook())),
        ("no JSON", 0.0, "{this is no notebook"),
        ("no notebook", 0.0, None),
    ]
    return [
        (
            "hostile",
            what,
            deserves,
            nb if nb is None or isinstance(nb, str) else nbformat.writes(nb),
        )
        for what, deserves, nb in rows
    ]


def _ending(made: Class, body: str) -> str:
    """The first exercise's function with another body."""
    cell = _cell(made.source, next(iter(made.tests)))
    function = next(n for n in ast.parse(cell.source).body if isinstance(n, ast.FunctionDef))
    return f"def {function.name}({ast.unparse(function.args)}):\n{body}"


def _before(nb: NotebookNode, code: str, course: Path | str = "") -> NotebookNode:
    nb.cells.insert(0, new_code_cell(code.replace("COURSE", str(course))))
    return nb


def _without(nb: NotebookNode, names: object) -> NotebookNode:
    gone = set(names)
    nb.cells = [cell for cell in nb.cells if answered.grade_id(cell) not in gone]
    return nb


def _twice(nb: NotebookNode) -> NotebookNode:
    nb.cells += [copy.deepcopy(cell) for cell in nb.cells]
    for i, cell in enumerate(nb.cells):
        cell["id"] = f"cell-{i}"
    return nb


def _cell(nb: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in nb.cells if answered.grade_id(cell) == name)
