"""Running chapters: in what order, how many at a time, and what becomes of each.

doit schedules them. Its own memory of earlier runs is not used: the key of a result lies in
the executed notebook (`lwsurvey.press.run.keys`), which appears by one rename when a chapter is
finished. So there is nothing that an interrupted run could leave in a wrong state.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from doit.control import TaskControl
from doit.dependency import Dependency, SqliteDB
from doit.reporter import ZeroReporter
from doit.runner import MThreadRunner
from doit.task import dict_to_task
from filelock import FileLock, ReadWriteLock, Timeout

from lwsurvey.press.results.notebooks import logs_folder, runs_folder
from lwsurvey.press.run import accelerator, freshness, memory, turns
from lwsurvey.press.run.places import Places
from lwsurvey.press.run.process import Outcome
from lwsurvey.press.run.progress import Progress
from lwsurvey.press.run.tasks import WORK, Task

ALONE = ".alone"


def execute(
    tasks: list[Task], jobs: int, gpu_jobs: int = 1, scheduler: str | None = None
) -> dict[str, Outcome]:
    """Run what is not fresh; a chapter that fails does not keep the others from running.

    Args:
        tasks: from `lwsurvey.press.run.tasks.prepare`.
        jobs: how many chapters run at a time, except those that run alone.
        gpu_jobs: how many of them compute on a GPU, together with those of other runs.
        scheduler: address of a Dask scheduler, to whose workers the others go.

    Returns:
        The outcome of each chapter that was run here, finished or failed.

    Raises:
        lwsurvey.parallel.ClusterError: the cluster cannot be used; nothing has been started.
        KeyboardInterrupt: the user's; the workers have ended, finished chapters stay.
    """
    stale = [task for task in tasks if not task.state.fresh]
    alone = {task.slug for task in stale if task.alone}
    places = Places(scheduler if stale else None)
    progress = Progress({task.slug: task.estimate for task in stale}, alone, jobs)
    run = _Run(progress, gpu_jobs, places)
    try:
        run.phase([task for task in tasks if not task.alone], jobs)
        run.phase([task for task in tasks if task.alone], 1)
    except KeyboardInterrupt:
        places.stop()
        raise
    finally:
        progress.close()
    return run.outcomes


class _Run(ZeroReporter):
    """One run of some chapters, and what doit tells about it."""

    def __init__(self, progress: Progress, gpu_jobs: int, places: Places) -> None:
        super().__init__(None, {})
        self.progress, self.gpu_jobs, self.places = progress, gpu_jobs, places
        self.outcomes: dict[str, Outcome] = {}
        self._tasks: dict[str, Task] = {}

    def phase(self, tasks: list[Task], jobs: int) -> None:
        """Run some chapters, ``jobs`` at a time."""
        self._tasks |= {task.slug: task for task in tasks}
        control = TaskControl([dict_to_task(one) for one in self._descriptions(tasks)])
        control.process(None)
        forgotten = Dependency(SqliteDB, ":memory:")
        runner = MThreadRunner(forgotten, self, continue_=True, num_process=jobs)
        runner.run_all(control.task_dispatcher())

    def add_failure(self, task: object, fail: Exception) -> None:
        """Show an error of ours; the last line of doit's message names it. Called by doit."""
        self._fail(self._tasks[task.name], Outcome(None, fail.get_msg().strip().splitlines()[-1]))

    def _fail(self, task: Task, outcome: Outcome) -> None:
        self.outcomes[task.slug] = outcome
        partial = task.folder / "failed" / f"{task.slug}.ipynb"
        self.progress.fail(task.slug, outcome, self._log(task), partial)

    def _descriptions(self, tasks: list[Task]) -> Iterator[dict[str, object]]:
        after = turns.after(tasks, self.gpu_jobs)
        for task in tasks:
            yield {
                "name": task.slug,
                "actions": [(self._run, [task])],
                "task_dep": after.get(task.slug, []),
                "uptodate": [task.state.fresh],
                "io": {"capture": False},
            }

    def _turn(self, task: Task) -> Outcome | None:
        """Wait for a chapter's turn and run it; None if another run did so meanwhile."""
        with self._held(task) as waited:
            if (
                waited
                and freshness.assess(task.chapter, task.preset, task.parameters, task.folder).fresh
            ):
                self.progress.taken(task.slug)
                return None
            with self._apart(task), self._gpu(task):
                self.progress.start(task.slug)
                return self._tried(task)

    def _run(self, task: Task) -> None:
        # For doit even a failed chapter is done: the next one on the GPU waits for it only.
        try:
            outcome = self._turn(task)
        except Exception as error:  # of ours, or of the disk
            outcome = Outcome(None, f"{type(error).__name__}: {error}")
        if outcome is None:
            return
        if outcome.seconds is not None:
            self.outcomes[task.slug] = outcome
            self.progress.finish(task.slug, outcome.seconds)
        elif not self.places.stopped:
            self._fail(task, outcome)

    def _tried(self, task: Task) -> Outcome:
        """Run a chapter; once more with a smaller batch where the memory of a GPU ran out."""
        outcome = self._work(task)
        if not outcome.memory:
            return outcome
        if (less := memory.smaller(task)) is None:
            return memory.failed(task, outcome)
        self.progress.say(memory.again(task, less, outcome))
        os.replace(self._log(task), self._log(task).with_suffix(".first.log"))
        outcome = self._work(less)
        return memory.failed(less, outcome) if outcome.memory else outcome

    def _work(self, task: Task) -> Outcome:
        # What a killed run or a failed one left; the lock is ours, so nobody writes there.
        name = f"{task.slug}.ipynb"
        for left in (f"{WORK}/{name}", f"failed/{name}", *task.folder.glob(f".{name}.*.part")):
            (task.folder / left).unlink(missing_ok=True)
        return self.places.of(task, self.progress.say).run(
            task.job(), self._log(task), lambda place: self.progress.cell(task.slug, place)
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
        with turns.place(self.gpu_jobs) as acquire:
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

    def _log(self, task: Task) -> Path:
        return logs_folder(task.name) / f"{task.slug}.log"
