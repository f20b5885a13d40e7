"""The process that runs one chapter: ``python -m lwsurvey.press.run.worker``.

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
from pathlib import Path

from lwsurvey import paths, store
from lwsurvey.press.results.notebooks import SCHEMA, ResultError
from lwsurvey.press.run import accelerator, freshness, trace
from lwsurvey.press.run.memory import ran_out
from lwsurvey.press.sources.chapters import Chapter, discover, select
from lwsurvey.schema import METADATA_KEY

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Worker:
    """One run of one chapter.

    Args:
        job: ``slug``, ``preset``, ``parameters`` (resolved), ``changed`` (those that differ from
            the parameters cell), ``folder`` (of the result), ``work`` (for unfinished files)
            and ``scratch`` (for files that end with the process); ``replaced`` has, where a
            parameter is not as it was asked for, both values.
        report: file descriptor for the lines of JSON.
    """

    def __init__(self, job: dict, report: int) -> None:
        from lwsurvey.press.run import kernel

        self.job, self.report, self.kernel = job, report, kernel
        self.scratch = kernel.Scratch(Path(job["scratch"]))
        self.chapter: Chapter = select(discover(), (job["slug"],))[0]
        self.partial = Path(job["work"]) / f"{self.chapter.slug}.ipynb"

    def tell(self, **message: object) -> None:
        """Send a message to the run."""
        os.write(self.report, (json.dumps(message) + "\n").encode())

    def end(self, *_: object) -> None:
        """End the kernel and this process at once; the result stays as it was."""
        self.kernel.kill()
        self.scratch.remove()
        os._exit(1)

    def end_with_parent(self) -> None:
        """Wait until nobody can write to our standard input any more, then end."""
        while os.read(0, 1):
            pass
        self.end()

    def run(self) -> None:
        """Run the chapter, and report the outcome."""
        try:
            self.tell(seconds=self._run())
        except Exception as error:
            detail = "\n".join(getattr(error, "traceback", ())) or traceback.format_exc()
            memory = {"memory": True} if self._ran_out(error) else {}
            self.tell(failed=self._reason(error), **memory)
            self._keep_partial(error)
            print(COLOUR.sub("", detail), file=sys.stderr)
        finally:
            self.kernel.kill()
            self.scratch.remove()

    def _run(self) -> float:
        from lwsurvey.press.run import execute

        began, clock = time.time(), time.monotonic()
        job, chapter = self.job, self.chapter
        inputs = freshness.inputs(chapter)
        os.environ[trace.ROOT_VARIABLE] = str(paths.root())
        os.environ[trace.FILE_VARIABLE] = str(self.scratch.reads)
        os.environ[trace.WORKER_VARIABLE] = str(os.getpid())
        notebook = execute.run(
            execute.Job(chapter.path, self.partial, job["changed"], chapter.timeout, self._cell)
        )
        execute.check(notebook, chapter.slug, job["preset"])
        seconds = round(time.monotonic() - clock, 2)
        inputs["data"] = freshness.data_read(self.scratch.names_read(), began)
        notebook.metadata[METADATA_KEY] = {
            "schema": SCHEMA,
            "chapter": chapter.slug,
            "preset": job["preset"],
            "parameters": job["parameters"],
            "seconds": seconds,
            "inputs": inputs,
        }
        if job.get("replaced"):
            notebook.metadata[METADATA_KEY]["replaced"] = job["replaced"]
        self._save(notebook)
        return seconds

    def _cell(self, place: dict) -> None:
        self.tell(**place)

    def _save(self, notebook: object) -> None:
        import nbformat

        folder = Path(self.job["folder"])
        text = nbformat.writes(notebook).rstrip("\n") + "\n"
        store.write(folder / self.partial.name, text, sync=True)
        self.partial.unlink()
        (folder / "failed" / self.partial.name).unlink(missing_ok=True)

    def _keep_partial(self, error: Exception) -> None:
        """Move the unfinished notebook to where it can be looked at."""
        if getattr(error, "errno", None) in store.FULL:
            self.partial.unlink(missing_ok=True)  # space is needed
        elif self.partial.exists():
            failed = Path(self.job["folder"]) / "failed"
            failed.mkdir(exist_ok=True)
            os.replace(self.partial, failed / self.partial.name)

    def _ran_out(self, error: Exception) -> bool:
        """Whether the chapter computed on a GPU, and the memory of that ran out."""
        from papermill import PapermillExecutionError

        return (
            accelerator.takes(self.job["parameters"])
            and isinstance(error, PapermillExecutionError)
            and ran_out(error.ename, error.evalue)
        )

    def _reason(self, error: Exception) -> str:
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
        from papermill import PapermillExecutionError

        if isinstance(error, PapermillExecutionError):
            return f"{error.ename}: {error.evalue}"
        if isinstance(error, DeadKernelError):
            return f"the kernel died: {self.kernel.exit_status()}"
        if isinstance(error, CellTimeoutError):
            limit = f"{self.chapter.timeout:g} s"
            return f"time-out: {limit} for the chapter are over (timeout in notebooks/presets.yml)"
        if getattr(error, "errno", None) in store.FULL:
            return "the disk is full; free some space and run again"
        if isinstance(error, ResultError):
            return f"no result: {error}"
        return f"{type(error).__name__}: {error}"


def main() -> None:
    """Run the job that standard input describes."""
    # The kernel inherits standard output; what C code prints there must not mix with reports.
    report = os.dup(1)
    os.dup2(2, 1)
    job = json.loads(sys.stdin.buffer.readline())
    worker = Worker(job, report)
    signal.signal(signal.SIGTERM, worker.end)
    threading.Thread(target=worker.end_with_parent, daemon=True).start()
    worker.run()


if __name__ == "__main__":
    main()
