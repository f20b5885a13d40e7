"""Submissions as they go wrong in real courses, and what each of them deserves.

Every entry is (name, what makes it of the released notebook, marks of ``double`` and of
``largest``, a word that the instructor must read). Answers that are right keep their marks
whatever else the notebook does.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from tiny_course import SOLUTIONS, answered, cell


@dataclass(frozen=True)
class Case:
    """One submission.

    Attributes:
        make: of the released notebook a notebook, a text of the file, or None for no file.
        marks: of the two exercises that are graded by program; None if nothing can be graded.
        told: stands in what the instructor reads; empty if nothing need be said.
        files: that are handed in beside the notebook.
    """

    make: Callable[[NotebookNode], NotebookNode | str | None]
    marks: tuple[float, float] | None
    told: str = ""
    files: dict[str, str] = field(default_factory=dict)


def _changed(change: Callable[[NotebookNode], object], **answers: str) -> Callable:
    """The right answers, or others, with something done to the notebook."""

    def make(released: NotebookNode) -> NotebookNode:
        made = answered(released, **answers)
        change(made)
        return made

    return make


def _answer(**answers: str) -> Callable:
    return _changed(lambda nb: None, **answers)


def _prepended(code: str, **answers: str) -> Callable:
    """With a cell of the student's own before the first exercise."""
    return _changed(lambda nb: nb.cells.insert(2, new_code_cell(code)), **answers)


def _copy(nb: NotebookNode, name: str) -> None:
    """The cell once more at the end, with the same names."""
    nb.cells.append(copy.deepcopy(cell(nb, name)))


def _delete(nb: NotebookNode, *names: str) -> None:
    for name in names:
        nb.cells.remove(cell(nb, name))


def _tests_first(nb: NotebookNode) -> None:
    tests = [cell(nb, f"{name}-test") for name in SOLUTIONS]
    nb.cells = [*tests, *(c for c in nb.cells if all(c is not t for t in tests))]


def _edit_test(nb: NotebookNode) -> None:
    cell(nb, "double-test").source = "assert True"


def _skip(nb: NotebookNode) -> None:
    for name in SOLUTIONS:
        cell(nb, f"{name}-test").metadata["tags"] = ["skip-execution", "raises-exception"]


def _points(nb: NotebookNode) -> None:
    cell(nb, "largest-test").metadata["nbgrader"]["points"] = 100


def _no_points(nb: NotebookNode) -> None:
    del cell(nb, "largest-test").metadata["nbgrader"]["points"]
    cell(nb, "largest").metadata["nbgrader"] = {"grade_id": "largest"}


def _all_markdown(nb: NotebookNode) -> None:
    test = cell(nb, "double-test")
    test["cell_type"] = "markdown"
    del test["outputs"], test["execution_count"]


def _kernelspec(nb: NotebookNode) -> None:
    nb.metadata["kernelspec"] = {"name": "bash", "display_name": "Bash", "language": "bash"}


def _truncated(released: NotebookNode) -> str:
    return nbformat.writes(answered(released))[:400]


def _old_output(nb: NotebookNode) -> None:
    """An output that says 100, as if the test had been run."""
    output = nbformat.v4.new_output("execute_result", data={"text/plain": "100"})
    cell(nb, "double-test").outputs = [output]


WRONG = "def double(x):\n    return x"
LYING = """class Yes(int):
    __eq__ = __ne__ = lambda *_: True
    __hash__ = int.__hash__
def double(x):
    return Yes(1)"""
NEUTRAL = """import ast
class Gone(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Gone())"""
SHADOWS = """def isinstance(*_): return True
def type(*_): return float
class AssertionError(Exception): pass"""
REPLACED = "import builtins\nbuiltins.round = lambda *_: 0"
# Outside of the sandbox, where the course's folder can be written, this would leave a file there.
ESCAPE = """import pathlib
try:
    pathlib.Path("COURSE/litter-of-a-student").write_text("x")
except OSError:
    pass"""
READS = """def double(x):
    print(In[-1])
    if "hidden-" + "word" not in In[-1]:
        return 2 * x"""
TELLS = """import linecache
for name, entry in linecache.cache.items():
    if "ipykernel" in name:
        print("".join(entry[2]))"""
PATCHED = "from lwsurvey import durations\ndurations.duration = lambda seconds: seconds"
VALUE = """from ipykernel.displayhook import ZMQShellDisplayHook
shell = get_ipython()
def shown(*_):
    shell.displayhook(2.0)
shell.events.register("pre_run_cell", shown)
shell.events.register("post_run_cell", shown)"""
CLEARED = """from IPython.display import clear_output
get_ipython().events.register("post_run_cell", lambda *_: clear_output())
get_ipython().showtraceback = lambda *a, **k: None"""
STUBBORN = """def double(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass"""
MANY = """import os, time
def double(x):
    for _ in range(8):
        if not os.fork():
            hog = bytearray(b"x") * (2 * 10**8)
            time.sleep(60)
    time.sleep(60)"""
SLEEPERS = """import subprocess, time
def double(x):
    started = [subprocess.Popen(["sleep", "60"]) for _ in range(100)]
    time.sleep(60)"""
LITTER = """import os, pathlib
for folder in ("/", "/usr", "/etc", "/tmp", "..", "../..", os.path.expanduser("~"), os.getcwd()):
    try:
        (pathlib.Path(folder) / "litter-of-a-student").write_text("x" * 1000)
    except OSError:
        pass
try:
    with open("/tmp/huge", "wb") as file:
        while True:
            file.write(bytes(2**20))
except OSError:
    pass"""
# What they find or reach goes into the marks: nothing is what leaves a right answer right.
SPY = """import os
FOUND = []
for top in ("COURSE", os.getcwd(), "..", "/home", "/tmp", "/root", "/work"):
    for folder, folders, names in os.walk(top):
        folders[:] = [f for f in folders if f not in ("site-packages", "lib", "data")]
        for path in (os.path.join(folder, name) for name in names):
            if path.endswith((".db", ".ipynb", ".json", ".log", ".html")) and os.path.isfile(path):
                with open(path, "rb") as file:
                    data = file.read(10**6)
                if path.endswith(".db") or b"hidden-" + b"word" in data:
                    FOUND.append(path)
def double(x):
    if not FOUND:
        return 2 * x"""
OWN_MARK = """import os, sqlite3
WRITTEN = 0
for path in ("COURSE/gradebook.db", "../../../gradebook.db", "../gradebook.db"):
    if os.path.exists(path):
        with sqlite3.connect(path) as base:
            base.execute("update grade set auto_score = 100, manual_score = 100")
            WRITTEN += 1
def double(x):
    if not WRITTEN:
        return 2 * x"""
NETWORK = """import socket
def double(x):
    for address in (("127.0.0.1", PORT), ("192.0.2.1", 80)):
        try:
            socket.create_connection(address, timeout=1)
        except OSError:
            continue
        return "connected"
    return 2 * x"""

CASES = {
    "blank": Case(lambda released: released, (0, 0)),
    "copied answer": Case(_changed(lambda nb: _copy(nb, "double")), (2, 3), "2 times"),
    "copied test": Case(_changed(lambda nb: _copy(nb, "double-test")), (2, 3), "2 times"),
    "all cells twice": Case(
        _changed(lambda nb: nb.cells.extend(copy.deepcopy(nb.cells))), (2, 3), "2 times"
    ),
    "deleted test": Case(_changed(lambda nb: _delete(nb, "double-test")), (2, 3), "was deleted"),
    "deleted answer": Case(_changed(lambda nb: _delete(nb, "double")), (0, 3), "was deleted"),
    "deleted answer and test": Case(
        _changed(lambda nb: _delete(nb, "double", "double-test")), (0, 3), "was deleted"
    ),
    "all cells deleted": Case(_changed(lambda nb: nb.cells.clear()), (0, 0), "was deleted"),
    "tests first": Case(_changed(_tests_first), (2, 3), "before its answer"),
    "edited test": Case(_changed(_edit_test, double=WRONG), (0, 3), "was edited"),
    "test made text": Case(_changed(_all_markdown), (2, 3), "another type"),
    "skipped tests": Case(_changed(_skip, double=WRONG), (0, 3)),
    "reads the test": Case(_answer(double=READS), (2, 3), "uses In"),
    "prints all tests": Case(
        _changed(lambda nb: nb.cells.append(new_code_cell(TELLS))), (2, 3), "uses linecache"
    ),
    "own package": Case(
        _prepended("import lwsurvey"), (2, 3), "Python files of its own", {"lwsurvey.py": ESCAPE}
    ),
    "own helper": Case(
        _answer(double="from helper import double"),
        (2, 3),
        "Python files of its own, helper.py",
        {"helper.py": SOLUTIONS["double"]},
    ),
    "own library": Case(
        _answer(), (2, 3), "Python files of its own", {"psutil.py": ESCAPE, "zmq.py": ESCAPE}
    ),
    "file name": Case(_answer(), (2, 3), "", {os.fsdecode(b"\xfc.txt"): "x"}),
    "own points": Case(_changed(_points, largest="largest = 0"), (2, 0), "points"),
    "damaged metadata": Case(_changed(_no_points), (2, 3)),
    "another kernel": Case(_changed(_kernelspec), (2, 3)),
    "old output": Case(_changed(_old_output, double=WRONG), (0, 3)),
    "syntax error": Case(_answer(double="def double(x)\n    return 2 * x"), (0, 3)),
    "endless loop": Case(
        _answer(double="def double(x):\n    while True:\n        pass"), (0, 3), "ran for more than"
    ),
    "endless loop in a cell": Case(_prepended("while True:\n    pass"), (2, 3), "ran for more"),
    "stubborn loop": Case(_answer(double=STUBBORN), (0, 3), "could not be interrupted"),
    "memory bomb": Case(_answer(double="def double(x):\n    hog = [bytes(10**12)]"), (0, 3)),
    "creeping memory": Case(
        _answer(
            double="hog = []\ndef double(x):\n    while True:\n        hog.append(bytearray(10**7))"
        ),
        (0, 3),
    ),
    "memory of many": Case(
        _answer(double=MANY),
        (0, 3),
        "of memory",
    ),
    "fork bomb": Case(
        _answer(double="import os\ndef double(x):\n    while True:\n        os.fork()"),
        (0, 3),
        "was stopped",
    ),
    "many processes": Case(_answer(double=SLEEPERS), (0, 3), "started more than"),
    "ends the kernel": Case(
        _answer(double="import os\ndef double(x):\n    os._exit(0)"), (0, 3), "ended the kernel"
    ),
    "kills all": Case(
        _answer(
            double="import os, signal\n"
            "def double(x):\n    os.kill(-1, signal.SIGKILL)\n    os._exit(0)"
        ),
        (0, 3),
        "uses signal",
    ),
    "gigabyte of output": Case(
        _prepended("for _ in range(1000):\n    print('x' * 10**6)"), (2, 3), "was stopped"
    ),
    "endless output": Case(
        _answer(double="def double(x):\n    while True:\n        print('y' * 100)"),
        (0, 3),
        "printed more than",
    ),
    "no JSON": Case(lambda released: "this is my homework", None, "no notebook"),
    "truncated": Case(_truncated, None, "no notebook"),
    "another JSON": Case(lambda released: json.dumps({"cells": 3}), None, "no notebook"),
    "no notebook": Case(lambda released: None, None, "no notebook"),
    "litter": Case(_prepended(LITTER), (2, 3)),
    "spy": Case(_answer(double=SPY), (2, 3), "uses open"),
    "own mark": Case(_answer(double=OWN_MARK, largest="largest = 0"), (2, 0), "uses sqlite3"),
    "network": Case(_answer(double=NETWORK), (2, 3), "uses socket"),
    "lying object": Case(_answer(double=LYING), (0, 3), "defines __eq__"),
    "no assertions": Case(_prepended(NEUTRAL, double=WRONG), (0, 0), "No test counts"),
    "replaced built-ins": Case(_prepended(REPLACED), (0, 0), "No test counts"),
    "replaced package": Case(_prepended(PATCHED), (0, 0), "No test counts"),
    "hidden built-ins": Case(_prepended(SHADOWS, double=WRONG), (0, 3), "another meaning"),
    "forged value": Case(_prepended(VALUE, double=WRONG), (0, 3), "get_ipython"),
    "cleared error": Case(_prepended(CLEARED, double=WRONG), (0, 0), "No test counts"),
    "warns": Case(
        _answer(
            double="import warnings\ndef double(x):\n    warnings.warn('slow')\n    return 2 * x"
        ),
        (2, 3),
    ),
}
