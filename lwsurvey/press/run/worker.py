"""The process that executes one chapter: ``python -m lwsurvey.press.run.worker``.

It reads its job as one line of JSON from standard input and writes what happens as lines of
JSON to standard output. Standard input stays open as long as the run exists that started it:
when it ends, however that happens, the worker ends its kernel and itself.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill import PapermillExecutionError

from lwsurvey import store
from lwsurvey.press.results.notebooks import ResultError, entries
from lwsurvey.press.run import accelerator, freshness, kernel
from lwsurvey.press.run.workers import status_text
from lwsurvey.press.sources import chapters
from lwsurvey.press.sources.chapters import Chapter
from lwsurvey.schema import METADATA_KEY, SCHEMA

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
INJECTED = "injected-parameters"


class Worker:
    """The execution of one chapter.

    Args:
        job: what `lwsurvey.press.run.tasks.Task.job` gives, and ``scratch``: the folder for files
            that end with the process.
        report: file descriptor for the lines of JSON.
    """

    def __init__(self, job: dict, report: int) -> None:
        self.job, self.report = job, report
        self.scratch = kernel.Scratch(Path(job["scratch"]))
        self.chapter = chapters.find(job["slug"])
        self.partial = Path(job["work"]) / f"{self.chapter.slug}.ipynb"
        self.failed = Path(job["folder"]) / "failed" / self.partial.name

    def tell(self, **message: object) -> None:
        """Send a message to the run."""
        os.write(self.report, (json.dumps(message) + "\n").encode())

    def end(self, *_: object) -> None:
        """End the kernel and this process at once; the result stays as it was."""
        kernel.kill()
        self.scratch.remove()
        os._exit(1)

    def end_with_parent(self) -> None:
        """Wait until nobody can write to our standard input any more, then end."""
        while os.read(0, 1):
            pass
        self.end()

    def execute(self) -> None:
        """Execute the chapter, and report the outcome."""
        try:
            self.tell(seconds=self._make_result())
        except Exception as error:
            detail = "\n".join(getattr(error, "traceback", ())) or traceback.format_exc()
            memory = {"memory": True} if self._ran_out(error) else {}
            self.tell(failed=self._reason(error), **memory)
            self._keep_partial(error)
            print(COLOUR.sub("", detail), file=sys.stderr)
        finally:
            kernel.kill()
            self.scratch.remove()

    def _make_result(self) -> float:
        """Execute the notebook, check it, and put it into its place; the seconds that it took."""
        began, clock = time.time(), time.monotonic()
        job, inputs = self.job, freshness.inputs(self.chapter)
        notebook = execute(
            self.chapter, self.partial, job["changed"], lambda place: self.tell(**place)
        )
        check(notebook, self.chapter.slug, job["preset"])
        seconds = round(time.monotonic() - clock, 2)
        inputs["data"] = freshness.data_read(self.scratch.names_read(), began)
        notebook.metadata[METADATA_KEY] = {
            "schema": SCHEMA,
            "chapter": self.chapter.slug,
            "preset": job["preset"],
            "parameters": job["parameters"],
            "seconds": seconds,
            "inputs": inputs,
        }
        if job.get("replaced"):
            notebook.metadata[METADATA_KEY]["replaced"] = job["replaced"]
        text = nbformat.writes(notebook).rstrip("\n") + "\n"
        store.write(Path(job["folder"]) / self.partial.name, text, sync=True)
        self.partial.unlink()
        self.failed.unlink(missing_ok=True)
        return seconds

    def _keep_partial(self, error: Exception) -> None:
        """Move the unfinished notebook to where it can be looked at."""
        if getattr(error, "errno", None) in store.FULL:
            self.partial.unlink(missing_ok=True)  # space is needed
        elif self.partial.exists():
            self.failed.parent.mkdir(exist_ok=True)
            os.replace(self.partial, self.failed)

    def _ran_out(self, error: Exception) -> bool:
        """Whether the chapter computed on a GPU, and the memory of that ran out."""
        return (
            accelerator.takes(self.job["parameters"])
            and isinstance(error, PapermillExecutionError)
            and accelerator.is_memory_error(error.ename, error.evalue)
        )

    def _reason(self, error: Exception) -> str:
        if isinstance(error, PapermillExecutionError):
            return f"{error.ename}: {error.evalue}"
        if isinstance(error, DeadKernelError):
            code = kernel.exit_code()
            how = "it did not say why" if code is None else status_text(code)
            return f"the kernel died: {how}"
        if isinstance(error, CellTimeoutError):
            limit = f"{self.chapter.timeout:g} s"
            return f"time-out: {limit} for the chapter are over (timeout in notebooks/presets.yml)"
        if getattr(error, "errno", None) in store.FULL:
            return "the disk is full; free some space and run again"
        if isinstance(error, ResultError):
            return f"no result: {error}"
        return f"{type(error).__name__}: {error}"


def execute(
    chapter: Chapter, partial: Path, changed: dict[str, object], on_cell: Callable[[dict], None]
) -> NotebookNode:
    """Execute a notebook; it comes back without papermill's notes and the machine's paths.

    Args:
        chapter: the source, and the seconds for all its cells together.
        partial: file that papermill writes after every cell.
        changed: parameters that differ from the parameters cell.
        on_cell: called before each cell with what names it, see `_place`.

    Raises:
        papermill.PapermillExecutionError: a cell raised.
        nbclient.exceptions.CellTimeoutError: the time is over.
        nbclient.exceptions.DeadKernelError: the kernel died.
        OSError: the partial notebook cannot be written.
    """
    deadline = time.monotonic() + chapter.timeout
    injected = False

    def on_cell_start(cell: NotebookNode, cell_index: int) -> None:
        nonlocal injected
        injected |= bool(changed) and INJECTED in cell.metadata.get("tags", ())
        on_cell(_place(cell, cell_index - injected, len(chapter.cells)))

    executed = papermill.execute_notebook(
        chapter.path,
        partial,
        parameters=changed,
        kernel_name="python3",
        language="python",
        progress_bar=False,
        kernel_manager_class=kernel.Kernel,
        on_cell_start=on_cell_start,
        record_timing=False,
        # nbclient knows time-outs of cells only; 0 would mean none.
        timeout_func=lambda cell: max(deadline - time.monotonic(), 0.01),
    )
    return _clean(executed)


def check(notebook: NotebookNode, slug: str, preset: str) -> None:
    """Refuse a notebook that was executed to its end but is no result.

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
    if not claims:
        from lwsurvey.claims import ledger  # loads SciPy, and is rarely needed

        if any(claim.verdict for claim in ledger().of_chapter(slug)):
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


def main() -> None:
    """Execute the job that standard input describes."""
    # The kernel inherits standard output; what C code prints there must not mix with reports.
    report = os.dup(1)
    os.dup2(2, 1)
    job = json.loads(sys.stdin.buffer.readline())
    worker = Worker(job, report)
    signal.signal(signal.SIGTERM, worker.end)
    threading.Thread(target=worker.end_with_parent, daemon=True).start()
    worker.execute()


if __name__ == "__main__":
    main()
