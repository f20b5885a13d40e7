"""The schedule of a run: in what order chapters are executed, how many at a time, and where.

Nothing is remembered from one run to the next: what a result depended on lies in the executed
notebook (`lwsurvey.press.run.freshness`), which appears by one rename when a chapter is finished.
So there is nothing that an interrupted run could leave in a wrong state.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

from filelock import FileLock, ReadWriteLock, Timeout

from lwsurvey.press.results.notebooks import runs_folder
from lwsurvey.press.run import accelerator, freshness
from lwsurvey.press.run.progress import Progress
from lwsurvey.press.run.tasks import WORK, Outcome, Task
from lwsurvey.press.run.workers import Workers
from lwsurvey.schema import SCHEDULER

if TYPE_CHECKING:
    from lwsurvey.press.run.cluster import Cluster

ALONE = ".alone"


def run(
    tasks: list[Task], jobs: int, gpu_jobs: int = 1, scheduler: str | None = None
) -> dict[str, Outcome]:
    """Execute what is not fresh; a chapter that fails does not keep the others from it.

    Args:
        tasks: from `lwsurvey.press.run.tasks.prepare`.
        jobs: how many chapters are executed at a time, except those that run alone.
        gpu_jobs: how many of them compute on a GPU, together with those of other runs.
        scheduler: address of a Dask scheduler, to whose workers the others go.

    Returns:
        The outcome of each chapter that was executed here, finished or failed.

    Raises:
        lwsurvey.parallel.ClusterError: the cluster cannot be used; nothing has been started.
        KeyboardInterrupt: the user's; the workers have ended, finished chapters stay.
    """
    stale = [task for task in tasks if not task.fresh]
    alone = {task.slug for task in stale if task.alone}
    places = Places(scheduler if stale else None)
    progress = Progress({task.slug: task.estimate for task in stale}, alone, jobs)
    started = _Run(progress, gpu_jobs, places)
    try:
        started.phase([task for task in stale if not task.alone], jobs)
        started.phase([task for task in stale if task.alone], 1)
    except KeyboardInterrupt:
        places.stop()
        raise
    finally:
        progress.close()
    return started.outcomes


def following(waiting: list[Task], running: list[Task], jobs: int, gpu_jobs: int) -> Task | None:
    """The chapter that can start now, if there is one.

    A chapter that takes no GPU never stands in line behind one that does.
    """
    on_gpu = sum(accelerator.takes(task.used) for task in running)
    can_start = (t for t in waiting if on_gpu < gpu_jobs or not accelerator.takes(t.used))
    return next(can_start, None) if len(running) < jobs else None


class Places:
    """Where chapters are executed: in processes of this machine, and on a cluster if there is one.

    Args:
        scheduler: address of the cluster.

    Raises:
        lwsurvey.parallel.ClusterError: the cluster cannot be used.
    """

    def __init__(self, scheduler: str | None) -> None:
        # A chapter that is executed here sends its seeds to the cluster.
        self._here = Workers({SCHEDULER: scheduler} if scheduler else None)
        self._gpu = Workers({SCHEDULER: ""})
        self._cluster = _cluster(scheduler) if scheduler else None

    def of(self, task: Task, say: Callable[[str], object]) -> Workers | Cluster:
        """Where a chapter is executed; ``say`` tells at which worker, if on the cluster.

        Here, if it times something: the times of a result are to be of one machine, with nothing
        else to do. Or if it takes a GPU, with its seeds: those are counted here.
        """
        if accelerator.takes(task.used):
            return self._gpu
        if self._cluster is None or task.alone:
            return self._here
        self._cluster.say = say
        return self._cluster

    @property
    def stopped(self) -> bool:
        """Whether the run is over."""
        return self._here.stopped

    def stop(self) -> None:
        """End all chapters, and start none from here on."""
        self._here.stop()
        self._gpu.stop()
        if self._cluster is not None:
            self._cluster.stop()


def _cluster(scheduler: str) -> Cluster:
    from lwsurvey.press.run.cluster import Cluster  # loads Dask, which takes a second

    return Cluster(scheduler)


class _Run:
    """One run of some chapters."""

    def __init__(self, progress: Progress, gpu_jobs: int, places: Places) -> None:
        self.progress, self.gpu_jobs, self.places = progress, gpu_jobs, places
        self.outcomes: dict[str, Outcome] = {}

    def phase(self, tasks: list[Task], jobs: int) -> None:
        """Execute some chapters, ``jobs`` at a time, each in a thread that waits for it."""
        waiting, running, ended = list(tasks), [], SimpleQueue()
        while waiting or running:
            while task := following(waiting, running, jobs, self.gpu_jobs):
                waiting.remove(task)
                running.append(task)
                # A daemon, since Ctrl-C must not wait for one that waits for another run's lock.
                threading.Thread(target=self._attend, args=(task, ended), daemon=True).start()
            running.remove(ended.get())

    def _attend(self, task: Task, ended: SimpleQueue) -> None:
        """See a chapter through to its end, and show what became of it."""
        try:
            outcome = self._in_turn(task)
        except Exception as error:  # of ours, or of the disk
            outcome = Outcome(None, f"{type(error).__name__}: {error}")
        try:
            self._conclude(task, outcome)
        finally:
            ended.put(task)

    def _conclude(self, task: Task, outcome: Outcome | None) -> None:
        if outcome is None:
            self.progress.skip(task.slug)
        elif outcome.seconds is not None:
            self.outcomes[task.slug] = outcome
            self.progress.finish(task.slug, outcome.seconds)
        elif not self.places.stopped:
            self.outcomes[task.slug] = outcome
            self.progress.fail(task.slug, outcome, task.log, task.failed)

    def _in_turn(self, task: Task) -> Outcome | None:
        """Wait for a chapter's turn and execute it; None if another run did so meanwhile."""
        with self._held(task) as waited:
            asked = (task.chapter, task.preset, task.parameters, task.folder)
            if waited and freshness.assess(*asked).fresh:
                return None
            with self._apart(task), self._gpu(task):
                self.progress.start(task.slug)
                return self._try(task)

    def _try(self, task: Task) -> Outcome:
        """Execute a chapter; once more with a smaller batch if the memory of a GPU ran out."""
        outcome = self._execute(task)
        if not outcome.memory:
            return outcome
        if (less := accelerator.halve_batch(task)) is None:
            return accelerator.advise(task, outcome)
        self.progress.say(accelerator.retry_message(task, less, outcome))
        os.replace(task.log, task.log.with_suffix(".first.log"))
        outcome = self._execute(less)
        return accelerator.advise(less, outcome) if outcome.memory else outcome

    def _execute(self, task: Task) -> Outcome:
        # What a killed run or a failed one left; the lock is ours, so nobody writes there.
        name = f"{task.slug}.ipynb"
        parts = task.folder.glob(f".{name}.*.part")
        for left in (task.folder / WORK / name, task.failed, *parts):
            left.unlink(missing_ok=True)
        return self.places.of(task, self.progress.say).execute(
            task.job(), task.log, lambda place: self.progress.cell(task.slug, place)
        )

    @contextmanager
    def _held(self, task: Task) -> Iterator[bool]:
        """Keep other runs from the chapter; True if that meant to wait for one."""
        folder = task.folder / WORK
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{task.slug}.lock")
        waited = self._acquire(lock.acquire, f"{task.slug}: waits, another run is at it")
        try:
            yield waited
        finally:
            lock.release()

    @contextmanager
    def _apart(self, task: Task) -> Iterator[None]:
        """Keep a chapter that runs alone and all others apart, whichever run they belong to."""
        alone = task.alone
        lock = ReadWriteLock(runs_folder().parent / ALONE, is_singleton=False)
        acquire = lock.acquire_write if alone else lock.acquire_read
        why = "another run is at work" if alone else "a chapter of another run must be alone"
        self._acquire(acquire, f"{task.slug}: waits, {why}")
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _gpu(self, task: Task) -> Iterator[None]:
        """Wait for a place on the GPU, if the chapter computes there."""
        if not accelerator.takes(task.used):
            yield
            return
        with accelerator.place(self.gpu_jobs) as acquire:
            self._acquire(acquire, f"{task.slug}: waits, another run is on the GPU")
            yield

    def _acquire(self, acquire: Callable, message: str) -> bool:
        """Acquire a lock; True if that meant to wait."""
        try:
            acquire(timeout=0)
        except Timeout:
            self.progress.say(message)
            acquire()
            return True
        return False
