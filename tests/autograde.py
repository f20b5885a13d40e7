"""Run a chapter once up to its exercises, then fork for each submission and grade it.

``python autograde.py SLUG OUT.json`` in a process of its own, because a chapter leaves its mark
on torch and matplotlib. The grades are nbgrader's own; only the way of running the cells is
ours, which needs one smoke run a chapter instead of twenty.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from pathlib import Path

import answered
import nbformat
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode, v4
from nbgrader import utils

from lwsurvey.press.site.notebook import HIDDEN
from lwsurvey.press.sources import chapters

SECONDS = 20
Scores = dict[str, dict[str, object]]


def main(slug: str, out: Path) -> None:
    """Grade all submissions of a chapter; each one's scores come by the cell's grade_id."""
    chapter = chapters.select(chapters.discover(), (slug,))[0]
    notebook = nbformat.read(chapter.path, as_version=4)
    made = answered.submissions(notebook, answered.read(slug) + answered.liars(notebook))
    shell = InteractiveShell.instance(colors="NoColor")
    start = _first_exercise(notebook)
    for cell in notebook.cells[:start]:
        _must_run(shell, cell, chapter.resolve("smoke"))
    graded = {name: _in_a_fork(shell, n.cells[start:], out) for name, n in made.items()}
    out.write_text(json.dumps(graded), encoding="utf-8")


def _first_exercise(notebook: NotebookNode) -> int:
    headed = [i for i, c in enumerate(notebook.cells) if "## Exercises" in c.source.splitlines()]
    return headed[0]


def _must_run(shell: InteractiveShell, cell: NotebookNode, parameters: dict) -> None:
    if cell.cell_type == "code":
        shell.run_cell(cell.source).raise_error()
        if "parameters" in cell.metadata.get("tags", ()):
            shell.user_ns.update(parameters)


def _in_a_fork(shell: InteractiveShell, cells: list[NotebookNode], out: Path) -> Scores:
    part = out.with_suffix(".part")
    part.unlink(missing_ok=True)
    fork = multiprocessing.get_context("fork").Process(target=_grade, args=(shell, cells, part))
    fork.start()
    fork.join(SECONDS)
    if fork.is_alive():
        fork.kill()
        fork.join()
        return {"": {"error": f"did not end within {SECONDS} s"}}
    if not part.exists():
        return {"": {"error": f"ended without grades, exit status {fork.exitcode}"}}
    return json.loads(part.read_text(encoding="utf-8"))


def _grade(shell: InteractiveShell, cells: list[NotebookNode], part: Path) -> None:
    """Run all cells, whatever raises, and write the scores of those that have points."""
    os.dup2(os.open(part.with_suffix(".stderr"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    shell.showtraceback = lambda *_, **__: None  # colouring it takes longer than most answers
    code = [cell for cell in cells if cell.cell_type == "code"]
    for cell in code:
        cell.outputs = _outputs(shell, cell.source)
    scores = {answered.grade_id(cell): _score(cell) for cell in cells if utils.is_grade(cell)}
    for cell in [cell for cell in filter(utils.is_grade, code) if not _score(cell)["score"]]:
        seen = NotebookNode(cell | {"outputs": _outputs(shell, HIDDEN.sub("", cell.source))})
        scores[answered.grade_id(cell)]["visible"] = _score(seen)["score"]
    part.write_text(json.dumps(scores), encoding="utf-8")


def _outputs(shell: InteractiveShell, source: str) -> list[NotebookNode]:
    """What nbgrader looks at in the outputs of a cell."""
    before = _written_to_stderr()
    result = shell.run_cell(source)
    outputs = []
    if _written_to_stderr() > before:
        outputs.append(v4.new_output("stream", name="stderr", text="something"))
    error = result.error_before_exec or result.error_in_exec
    if error is not None:
        outputs.append(v4.new_output("error", ename=type(error).__name__, evalue=str(error)))
    elif result.result is not None:
        data = {"text/plain": repr(result.result)}
        outputs.append(v4.new_output("execute_result", data=data))
    return outputs


def _written_to_stderr() -> int:
    sys.stderr.flush()
    return os.fstat(2).st_size


def _score(cell: NotebookNode) -> dict[str, object]:
    score, points = utils.determine_grade(cell)
    outputs = cell.get("outputs", [])
    told = [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"]
    told += ["wrote to stderr" for o in outputs if o.output_type == "stream"]
    return {"score": score, "points": points, "error": "; ".join(told)}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
