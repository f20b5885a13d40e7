"""Chapters on a Dask cluster, in place of `lwsurvey.press.run.process.Workers`.

A worker of the cluster needs the same checkout and the same versions, and no common disk: the
executed notebook comes back as bytes, and has to fit what lies here before it is taken. Dask
begins a chapter again elsewhere if its worker dies. Chapters that time something stay here:
their times are to be of one machine, which is known and has nothing else to do. Their seeds,
which are not timed, go to the cluster as those of the others do.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING

from lwsurvey import parallel, store
from lwsurvey.press.run import freshness
from lwsurvey.press.run.process import Outcome
from lwsurvey.press.sources.chapters import discover, select

if TYPE_CHECKING:
    from distributed import Future

    from lwsurvey.press.run.remote_chapter import Returned

LOOK = 2.0
PATIENCE = 60.0
"""Seconds without any worker after which a chapter fails."""
INTERRUPTED = Outcome(None, "the run was interrupted")


class Remote:
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

    def run(self, job: dict, log: Path, on_cell: Callable[[dict], None]) -> Outcome:
        """Run a job on the cluster, wait for its end, and put its files into their places.

        Args:
            job: see `lwsurvey.press.run.worker.Worker`.
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
        return _kept(job, log, returned)

    def stop(self) -> None:
        """Cancel all chapters, and start none from here on; the workers end their processes."""
        with self._lock:
            self._stopped = True
            futures = list(self._futures)
        if self._client.status == "running":
            self._client.cancel(futures)

    def _submit(self, job: dict) -> Future | None:
        from lwsurvey.press.run import remote_chapter

        inputs = freshness.inputs(select(discover(), (job["slug"],))[0])
        with self._lock:
            if self._stopped:
                return None
            key = f"{job['slug']}-{uuid.uuid4().hex}"
            future = self._client.submit(remote_chapter.run, job, inputs, self._topic, key=key)
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


def _kept(job: dict, log: Path, returned: Returned) -> Outcome:
    """Put what came back into its places; a result only if it fits what lies here."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(returned.log or b"")
    folder, name = Path(job["folder"]), f"{job['slug']}.ipynb"
    if returned.partial is not None:
        (folder / "failed").mkdir(exist_ok=True)
        (folder / "failed" / name).write_bytes(returned.partial)
    if returned.result is None:
        return returned.outcome
    unfinished = Path(job["work"]) / name
    store.write(unfinished, returned.result, sync=True)
    chapter = select(discover(), (job["slug"],))[0]
    state = freshness.assess(chapter, job["preset"], job["parameters"], unfinished.parent)
    if not state.fresh:
        unfinished.unlink()
        return Outcome(None, f"the worker's checkout differs from this one: {state.why}")
    os.replace(unfinished, folder / name)
    return returned.outcome


def _reason(error: Exception) -> str:
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return "each worker that had it died, often because memory ran out; see their logs"
    if isinstance(error, parallel.ClusterError):
        return str(error)
    return f"on the cluster: {type(error).__name__}: {error}"
