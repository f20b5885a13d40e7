"""Chapters on a Dask cluster, in place of `lwsurvey.press.run.workers.Workers`.

A worker of the cluster needs the same checkout and the same versions, and no common disk: the
executed notebook comes back as bytes, and has to fit what lies here before it is taken. Dask
begins a chapter again elsewhere if its worker dies. Chapters that time something stay here:
their times are to be of one machine, which is known and has nothing else to do. Their seeds,
which are not timed, go to the cluster as those of the others do.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import distributed
from distributed import Future, Reschedule
from distributed.scheduler import KilledWorker

from lwsurvey import parallel, store
from lwsurvey.press.run import freshness
from lwsurvey.press.run.tasks import Outcome
from lwsurvey.press.run.workers import Workers
from lwsurvey.press.sources import chapters
from lwsurvey.schema import SCHEDULER

LOOK = 2.0
"""Seconds between two looks here whether the cluster still has a worker."""
WANTED = 0.5
"""Seconds between two looks there whether the result is still wanted."""
PATIENCE = 60.0
"""Seconds without any worker after which a chapter fails."""
INTERRUPTED = Outcome(None, "the run was interrupted")


@dataclass(frozen=True)
class Returned:
    """What comes back of a chapter; a file that it did not write is None.

    Attributes:
        outcome: as of a chapter that is executed here.
        result: the executed notebook.
        partial: the unfinished notebook of a failure.
        log: what the chapter's processes printed.
    """

    outcome: Outcome
    result: bytes | None = None
    partial: bytes | None = None
    log: bytes | None = None


class Cluster:
    """The chapters of one run that are on a cluster.

    Args:
        address: of the scheduler.

    Raises:
        lwsurvey.parallel.ClusterError: the cluster cannot be used; nothing has been started.
    """

    def __init__(self, address: str) -> None:
        self._client = parallel.connect(address)
        self.say: Callable[[str], object] = print
        self._topic = f"lwsurvey-{uuid.uuid4().hex}"
        self._on_cell: dict[str, Callable[[dict], None]] = {}
        self._begun: set[str] = set()
        self._futures: set[Future] = set()
        self._lock, self._stopped = threading.Lock(), False
        self._client.subscribe_topic(self._topic, self._hear)

    def execute(self, job: dict, log: Path, on_cell: Callable[[dict], None]) -> Outcome:
        """Execute a chapter on the cluster, wait for its end, and put its files into their places.

        Args:
            job: see `lwsurvey.press.run.tasks.Task.job`.
            log: file that takes what the chapter printed there.
            on_cell: called when a cell starts.
        """
        self._on_cell[job["slug"]] = on_cell
        future = self._submit(job)
        if future is None:
            return INTERRUPTED
        try:
            returned = self._result(future)
        except CancelledError:
            lost = Outcome(None, "the scheduler of the cluster went away; see whether it runs")
            return INTERRUPTED if self._stopped else lost
        except Exception as error:  # of Dask, or of the worker before the chapter began
            return Outcome(None, _reason(error))
        finally:
            self._futures.discard(future)
        return _keep(job, log, returned)

    def stop(self) -> None:
        """Cancel all chapters, and start none from here on; the workers end their processes."""
        with self._lock:
            self._stopped = True
            futures = list(self._futures)
        if self._client.status == "running":
            self._client.cancel(futures)

    def _submit(self, job: dict) -> Future | None:
        inputs = freshness.inputs(chapters.find(job["slug"]))
        with self._lock:
            if self._stopped:
                return None
            key = f"{job['slug']}-{uuid.uuid4().hex}"
            future = self._client.submit(execute_there, job, inputs, self._topic, key=key)
            self._futures.add(future)
            return future

    def _result(self, future: Future) -> Returned:
        seen = time.monotonic()
        while True:
            try:
                return future.result(timeout=LOOK)
            except TimeoutError:
                if future.done():
                    raise
            if self._client.nthreads():
                seen = time.monotonic()
            elif time.monotonic() - seen > PATIENCE:
                raise parallel.ClusterError(
                    f"the cluster has had no worker for {PATIENCE:g} s; start one and run again"
                )

    def _hear(self, event: tuple[float, dict]) -> None:
        slug, message = event[1]["slug"], event[1]
        if "cell" in message:
            self._on_cell[slug](message["cell"])
            return
        verb = "begins again, its worker was lost; now" if slug in self._begun else "is"
        self._begun.add(slug)
        self.say(f"{slug}: {verb} on {message['at']}")


def _keep(job: dict, log: Path, returned: Returned) -> Outcome:
    """Put what came back into its places; a result only if it fits what lies here."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(returned.log or b"")
    folder, name = Path(job["folder"]), f"{job['slug']}.ipynb"
    if returned.partial is not None:
        (folder / "failed").mkdir(exist_ok=True)
        (folder / "failed" / name).write_bytes(returned.partial)
    if returned.result is None:
        return returned.outcome
    unfinished = store.write(Path(job["work"]) / name, returned.result, sync=True)
    found = freshness.assess(
        chapters.find(job["slug"]), job["preset"], job["parameters"], unfinished.parent
    )
    if not found.fresh:
        unfinished.unlink()
        return Outcome(None, f"the worker's checkout differs from this one: {found.why}")
    os.replace(unfinished, folder / name)
    return returned.outcome


def _reason(error: Exception) -> str:
    if isinstance(error, KilledWorker):
        return "each worker that had it died, often because memory ran out; see their logs"
    if isinstance(error, parallel.ClusterError):
        return str(error)
    return f"on the cluster: {type(error).__name__}: {error}"


def execute_there(job: dict, inputs: dict[str, object], topic: str) -> Returned:
    """Execute a chapter on a worker of the cluster, in a process of its own on that machine.

    Dask's task gives its place among the worker's tasks back at once, since the seeds of the
    chapter need it.

    Args:
        job: as of `Cluster.execute`; its folders are replaced by our own.
        inputs: what the chapter depends on, at home.
        topic: of Dask's events, for the cells that start.
    """
    worker, slug = distributed.get_worker(), job["slug"]
    key = worker.get_current_task()
    distributed.secede()
    if found := _differences(slug, inputs):
        return Returned(Outcome(None, f"the checkout of {worker.address} differs: {found}"))
    worker.log_event(topic, {"slug": slug, "at": worker.address})
    workers = Workers({SCHEDULER: worker.scheduler.address})
    with tempfile.TemporaryDirectory(prefix="lwsurvey-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        (place / "work").mkdir()
        there = job | {"folder": str(place), "work": str(place / "work")}
        with _while_wanted(worker, key, workers) as given_up:
            outcome = workers.execute(
                there,
                place / "log",
                lambda cell: worker.log_event(topic, {"slug": slug, "cell": cell}),
            )
        if given_up.is_set():
            raise Reschedule  # counts only if somebody wants it again after all
        files = [place / name for name in (f"{slug}.ipynb", f"failed/{slug}.ipynb", "log")]
        return Returned(outcome, *(f.read_bytes() if f.exists() else None for f in files))


@contextmanager
def _while_wanted(
    worker: distributed.Worker, key: str, workers: Workers
) -> Iterator[threading.Event]:
    """End the chapter's process as soon as Dask no longer wants the task's result.

    Dask cannot end a thread. It notes that a task is cancelled: because of Ctrl-C, or because
    the run that asked for it is gone, however that came.
    """
    over, given_up = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(WANTED):
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
    ours = freshness.inputs(chapters.find(slug))
    names = [name for name in inputs if name != "modules" and ours[name] != inputs[name]]
    both = inputs["modules"].keys() | ours["modules"].keys()
    names += [name for name in both if inputs["modules"].get(name) != ours["modules"].get(name)]
    return ", ".join(sorted(names))
