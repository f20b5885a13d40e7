"""A chapter on a worker of a Dask cluster: what runs there, and what it sends back."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributed import Reschedule, Worker, get_worker, secede

from lwsurvey.press.run import freshness
from lwsurvey.press.run.process import Outcome, Workers
from lwsurvey.press.sources.chapters import discover, select
from lwsurvey.schema import SCHEDULER

LOOK = 0.5
"""Seconds between two looks whether the result is still wanted."""


@dataclass(frozen=True)
class Returned:
    """What comes back of a chapter; a file that it did not write is None.

    Attributes:
        outcome: as of a chapter that runs here.
        result: the executed notebook.
        partial: the unfinished notebook of a failure.
        log: what the chapter's processes printed.
    """

    outcome: Outcome
    result: bytes | None = None
    partial: bytes | None = None
    log: bytes | None = None


def run(job: dict, inputs: dict[str, object], topic: str) -> Returned:
    """Run a chapter in a process of its own on this worker's machine.

    The task gives its place among the worker's tasks back at once, since the seeds of the
    chapter need it.

    Args:
        job: as of `lwsurvey.press.run.worker.Worker`; its folders are replaced by our own.
        inputs: what the chapter depends on, at home.
        topic: of Dask's events, for the cells that start.
    """
    worker, slug = get_worker(), job["slug"]
    key = worker.get_current_task()
    secede()
    if found := _differences(slug, inputs):
        return Returned(Outcome(None, f"the checkout of {worker.address} differs: {found}"))
    worker.log_event(topic, {"slug": slug, "at": worker.address})
    workers = Workers({SCHEDULER: worker.scheduler.address})
    with tempfile.TemporaryDirectory(prefix="lwsurvey-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        (place / "work").mkdir()
        there = job | {"folder": str(place), "work": str(place / "work")}
        with _while_wanted(worker, key, workers) as given_up:
            outcome = workers.run(
                there,
                place / "log",
                lambda cell: worker.log_event(topic, {"slug": slug, "cell": cell}),
            )
        if given_up.is_set():
            raise Reschedule  # counts only if somebody wants it again after all
        files = (f"{slug}.ipynb", f"failed/{slug}.ipynb", "log")
        return Returned(outcome, *(_content(place / name) for name in files))


@contextmanager
def _while_wanted(worker: Worker, key: str, workers: Workers) -> Iterator[threading.Event]:
    """End the chapter's process as soon as Dask no longer wants the task's result.

    Dask cannot end a thread. It notes that a task is cancelled: because of Ctrl-C, or because
    the run that asked for it is gone, however that came.
    """
    over, given_up = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK):
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled":
                given_up.set()
                workers.stop()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield given_up
    finally:
        over.set()


def _differences(slug: str, inputs: dict[str, object]) -> str:
    ours = freshness.inputs(select(discover(), (slug,))[0])
    names = [name for name in inputs if name != "modules" and ours[name] != inputs[name]]
    both = inputs["modules"].keys() | ours["modules"].keys()
    names += [name for name in both if inputs["modules"].get(name) != ours["modules"].get(name)]
    return ", ".join(sorted(names))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
