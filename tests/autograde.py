"""Run each chapter once up to its exercises, then fork for each submission and grade it.

``python autograde.py FOLDER part|whole SLUG...`` writes ``SLUG.json`` into the folder. Each
chapter runs in a fork, because it leaves its mark on torch and matplotlib. The grades are
nbgrader's own; only the way of running the cells is ours, which needs one smoke run a chapter
instead of twenty. With ``part`` only those cells run that the exercises need, and of a
submission those of the exercise that it answers.
"""

from __future__ import annotations

import ast
import json
import multiprocessing
import os
import symtable
import sys
from collections.abc import Sequence
from pathlib import Path

import answered
import nbformat
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode, v4
from nbgrader import utils

from lwsurvey import claims, cost, data, figures, latency, search, show, train
from lwsurvey.press.site.notebook import HIDDEN
from lwsurvey.press.sources import chapters

SECONDS = 20
LOADED = (claims, cost, data, figures, latency, search, show, train)
"""What takes seconds to load is loaded once, for all forks."""
Scores = dict[str, dict[str, object]]


def main(folder: Path, whole: bool, slugs: Sequence[str]) -> None:
    """Grade all submissions of some chapters, one chapter after the other."""
    for slug in slugs:
        out = folder / f"{slug}.json"
        fork = multiprocessing.get_context("fork").Process(target=grade, args=(slug, out, whole))
        fork.start()
        fork.join()


def grade(slug: str, out: Path, whole: bool) -> None:
    """Grade all submissions of a chapter; each one's scores come by the cell's grade_id."""
    chapter = chapters.select(chapters.discover(), (slug,))[0]
    notebook = nbformat.read(chapter.path, as_version=4)
    answers = answered.read(slug) + answered.liars(notebook)
    made = answered.submissions(notebook, answers)
    shell = InteractiveShell.instance(colors="NoColor")
    start = _first_exercise(notebook)
    before, after = notebook.cells[:start], notebook.cells[start:]
    written = [NotebookNode(cell_type="code", source=answer.source) for answer in answers]
    parameters = chapter.resolve("smoke")
    # In a fork the processes of joblib would be waited for in vain.
    parameters |= {"jobs": 1} if "jobs" in parameters else {}
    for cell in before if whole else needed(before, [*after, *written]):
        _must_run(shell, cell, parameters)
    _warm_up(shell, after)
    owners = {str(answer): answer.id for answer in answers}
    graded = {}
    for name, submission in made.items():
        cells = submission.cells[start:]
        if not whole and name in owners:
            cells = _of_exercise(cells, owners[name])
        graded[name] = _in_a_fork(shell, cells, out)
    out.write_text(json.dumps(graded), encoding="utf-8")


def needed(before: Sequence[NotebookNode], after: Sequence[NotebookNode]) -> list[NotebookNode]:
    """The code cells without which later ones cannot run: they import, or bind, fill or change
    a name that is used later, directly or through each other.

    Args:
        before: cells to choose from, in their order.
        after: cells that are to run.
    """
    used = set().union(*(_used(cell.source) for cell in after if cell.cell_type == "code"))
    code, kept = [cell for cell in before if cell.cell_type == "code"], []
    modules = set().union(*(_imported(cell.source) for cell in code))
    for cell in reversed(code):
        if _imported(cell.source) or _changed(cell.source, modules) & used:
            kept.append(cell)
            used |= _used(cell.source)
    return kept[::-1]


def _used(source: str) -> set[str]:
    """Names that a cell takes from the cells before it."""
    top = symtable.symtable(source, "cell", "exec")
    tables, found = list(top.get_children()), set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        found |= {s.get_name() for s in table.get_symbols() if s.is_global()}
    found |= {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    return found - {s.get_name() for s in top.get_symbols() if s.is_assigned()}


def _imported(source: str) -> set[str]:
    top = symtable.symtable(source, "cell", "exec")
    return {s.get_name() for s in top.get_symbols() if s.is_imported()}


def _changed(source: str, modules: set[str]) -> set[str]:
    """Names that a cell binds, and those whose parts it changes (``x[0] =``, ``x.update()``)."""
    top = symtable.symtable(source, "cell", "exec")
    found = {s.get_name() for s in top.get_symbols() if s.is_assigned()}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            node = node.value.func
        elif not isinstance(getattr(node, "ctx", None), ast.Store):
            continue
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
            found |= {node.id} - modules if isinstance(node, ast.Name) else set()
    return found


def _of_exercise(cells: Sequence[NotebookNode], grade_id: str) -> list[NotebookNode]:
    """The answer, its test, and what they need of the exercises before."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    place = next(i for i, cell in enumerate(code) if answered.grade_id(cell) == grade_id)
    test = next(i for i in range(place, len(code)) if utils.is_grade(code[i]))
    own = code[place : test + 1]
    return [*needed(code[:place], own), *own]


def _first_exercise(notebook: NotebookNode) -> int:
    headed = [i for i, c in enumerate(notebook.cells) if "## Exercises" in c.source.splitlines()]
    return headed[0]


def _must_run(shell: InteractiveShell, cell: NotebookNode, parameters: dict) -> None:
    if cell.cell_type == "code":
        shell.run_cell(cell.source).raise_error()
        if "parameters" in cell.metadata.get("tags", ()):
            shell.user_ns.update(parameters)


def _warm_up(shell: InteractiveShell, cells: list[NotebookNode]) -> None:
    """Run the reference once in a namespace that goes: what functions keep, every fork has then."""
    scratch = dict(shell.user_ns)
    for cell in cells:
        if cell.cell_type == "code":
            exec(compile(shell.transform_cell(cell.source), cell.id, "exec"), scratch)


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
    main(Path(sys.argv[1]), sys.argv[2] == "whole", sys.argv[3:])
