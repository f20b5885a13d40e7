"""Puts the cells of a submission in order, as far as that takes nothing from its answers."""

from __future__ import annotations

import copy

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from lwsurvey.press.course.grade import guard
from lwsurvey.press.course.grade.grading import Log, current


class Repair(NbGraderPreprocessor):
    """Before nbgrader looks at a notebook: its cells' names and places as they were handed out.

    nbgrader itself puts the tests back as they were; a test that is gone, or that stands before
    the answer it tests, is beyond it.
    """

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Repair a submission, and log what was wrong with it."""
        grading = current()
        log = Log.load(grading.report)
        release = nbformat.read(grading.release, as_version=4)
        repaired = repair(nb, release, log)
        for remark in guard.remarks(repaired, release):
            log.tell(remark, look=True)
        log.save(grading.report)
        return repaired, resources


def repair(nb: NotebookNode, release: NotebookNode, log: Log) -> NotebookNode:
    """The submission with the graded cells of the released notebook, each once, tests last.

    Args:
        nb: a submission; it is changed.
        release: what was handed out.
        log: takes what was wrong.
    """
    handed = {_id(cell): cell for cell in release.cells if _id(cell)}
    for cell in nb.cells:
        cell.metadata.pop("tags", None)  # one of them has a cell not run, and a test not fail
    _drop_strange_names(nb, handed, log)
    _single(nb, handed, log)
    for cell in nb.cells:
        if grade_id := _id(cell):
            _restore(cell, handed[grade_id], log)
    _put_back(nb, handed, log)
    _tests_after_answers(nb, handed, log)
    _fresh_ids(nb)
    return nb


def _id(cell: NotebookNode) -> str:
    entry = cell.metadata.get("nbgrader", {})
    return str(entry.get("grade_id", "")) if isinstance(entry, dict) else ""


def _locked(cell: NotebookNode) -> bool:
    return not cell.metadata["nbgrader"].get("solution", False)


def _drop_strange_names(nb: NotebookNode, handed: dict, log: Log) -> None:
    for cell in nb.cells:
        if "nbgrader" in cell.metadata and _id(cell) not in handed:
            if _id(cell):
                log.tell(f"A cell calls itself “{_id(cell)}”, which was not handed out.")
            del cell.metadata["nbgrader"]


def _single(nb: NotebookNode, handed: dict, log: Log) -> None:
    """Of several copies keep the last that was worked on; the others stay as plain cells."""
    copies: dict[str, list[NotebookNode]] = {}
    for cell in nb.cells:
        if _id(cell):
            copies.setdefault(_id(cell), []).append(cell)
    for grade_id, cells in copies.items():
        if len(cells) == 1:
            continue
        worked = [c for c in cells if c.source.strip() != handed[grade_id].source.strip()]
        kept = (worked if worked and not _locked(handed[grade_id]) else cells)[-1]
        log.tell(f"The cell “{grade_id}” is there {len(cells)} times; the last one counts.")
        for cell in cells:
            if cell is not kept:
                del cell.metadata["nbgrader"]
        if _locked(handed[grade_id]):
            nb.cells = [c for c in nb.cells if c is kept or all(c is not other for other in cells)]


def _restore(cell: NotebookNode, original: NotebookNode, log: Log) -> None:
    """All but an answer as it was handed out; the hidden part of a test comes from nbgrader."""
    grade_id = _id(original)
    theirs, ours = dict(cell.metadata["nbgrader"]), dict(original.metadata["nbgrader"])
    if theirs.get("points", ours.get("points")) != ours.get("points"):
        log.tell(f"The points of “{grade_id}” were changed; they were put back.", look=True)
    if cell.cell_type != original.cell_type:
        log.tell(f"The cell “{grade_id}” was of another type; it was put back.")
        cell.update(copy.deepcopy(original) | {"source": cell.source})
    if _locked(original) and cell.source.strip() != original.source.strip():
        log.tell(f"The test “{grade_id}” was edited; the original counts.")
        cell.source = original.source
    cell.metadata = copy.deepcopy(original.metadata)


def _put_back(nb: NotebookNode, handed: dict, log: Log) -> None:
    """What was deleted, after the cell that it followed when it was handed out."""
    there = {_id(cell) for cell in nb.cells}
    before = ""
    for grade_id, original in handed.items():
        if grade_id not in there:
            kind = "test" if _locked(original) else "answer"
            log.tell(f"The {kind} “{grade_id}” was deleted; it was put back as handed out.")
            nb.cells.insert(_place(nb, before) + 1, copy.deepcopy(original))
        before = grade_id


def _tests_after_answers(nb: NotebookNode, handed: dict, log: Log) -> None:
    answer = ""
    for grade_id, original in handed.items():
        if not _locked(original):
            answer = grade_id
            continue
        if answer and _place(nb, grade_id) < _place(nb, answer):
            log.tell(f"The test “{grade_id}” stood before its answer; it was moved behind it.")
            test = nb.cells.pop(_place(nb, grade_id))
            nb.cells.insert(_place(nb, answer) + 1, test)


def _place(nb: NotebookNode, grade_id: str) -> int:
    """Where a cell stands; at the end if there is none of that name."""
    places = (i for i, cell in enumerate(nb.cells) if grade_id and _id(cell) == grade_id)
    return next(places, len(nb.cells) - 1)


def _fresh_ids(nb: NotebookNode) -> None:
    """Copied cells may share the id that the notebook format wants to be unique."""
    seen: set[str] = set()
    for i, cell in enumerate(nb.cells):
        if cell.get("id", "") in seen:
            cell["id"] = f"copy-{i}"
        seen.add(cell.get("id", ""))
