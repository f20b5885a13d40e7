"""Executing one notebook through papermill, and making a result of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
from nbformat import NotebookNode

from lwsurvey.claims import ledger
from lwsurvey.press.results.notebooks import ResultError, entries
from lwsurvey.press.run.kernel import Kernel

INJECTED = "injected-parameters"
OnCell = Callable[[dict], None]


@dataclass(frozen=True)
class Job:
    """One execution.

    Attributes:
        source: notebook to execute.
        partial: file that papermill writes after every cell.
        parameters: what differs from the parameters cell.
        timeout: seconds for all cells together.
        on_cell: called before each cell with what names it, see `_place`.
    """

    source: Path
    partial: Path
    parameters: dict[str, object]
    timeout: float
    on_cell: OnCell


def run(job: Job) -> NotebookNode:
    """Execute a notebook; it comes back without papermill's notes and the machine's paths.

    Raises:
        papermill.PapermillExecutionError: a cell raised.
        nbclient.exceptions.CellTimeoutError: the time is over.
        nbclient.exceptions.DeadKernelError: the kernel died.
        OSError: the partial notebook cannot be written.
    """
    deadline = time.monotonic() + job.timeout
    count = len(nbformat.read(job.source, as_version=4).cells)
    injected = bool(job.parameters)
    seen = {"injected": False}

    def on_cell(cell: NotebookNode, cell_index: int) -> None:
        seen["injected"] |= injected and INJECTED in cell.metadata.get("tags", ())
        job.on_cell(_place(cell, cell_index - seen["injected"], count))

    executed = papermill.execute_notebook(
        job.source,
        job.partial,
        parameters=job.parameters,
        kernel_name="python3",
        language="python",
        progress_bar=False,
        kernel_manager_class=Kernel,
        on_cell_start=on_cell,
        record_timing=False,
        # nbclient knows time-outs of cells only; 0 would mean none.
        timeout_func=lambda cell: max(deadline - time.monotonic(), 0.01),
    )
    return _clean(executed)


def check(notebook: NotebookNode, slug: str, preset: str) -> None:
    """Refuse a notebook that ran to its end but is no result.

    Raises:
        ResultError: a cell shows an error, or the run's record or its verdicts are missing.
    """
    nbformat.validate(notebook)
    for number, cell in enumerate(notebook.cells, 1):
        if any(output.output_type == "error" for output in cell.get("outputs", ())):
            raise ResultError(f"cell {number} (id {cell.id}) shows an error")
    runs = [(run["chapter"], run["preset"]) for run in entries(notebook, "run")]
    if runs != [(slug, preset)]:
        said = ", ".join(f"{name} with preset {kind}" for name, kind in runs) or "never"
        raise ResultError(
            f"claims.begin must be called once, for {slug} with preset {preset}; it was: {said}"
        )
    claims = [entry["id"] for entry in entries(notebook, "verdict")]
    if not claims and any(claim.verdict for claim in ledger().of_chapter(slug)):
        raise ResultError("no claim was checked")
    if twice := sorted({claim for claim in claims if claims.count(claim) > 1}):
        raise ResultError(f"checked more than once: {', '.join(twice)}")


def _place(cell: NotebookNode, index: int, count: int) -> dict[str, object]:
    lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
    first = lines[0] if lines else "(empty)"
    return {"cell": index + 1, "of": count, "id": cell.id, "first": first}


def _clean(notebook: NotebookNode) -> NotebookNode:
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        if INJECTED in cell.metadata.get("tags", ()):
            # The page shows a table of the parameters instead.
            cell.metadata["tags"] = ["remove-cell"]
            cell["id"] = INJECTED
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
    return notebook
