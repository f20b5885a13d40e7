"""Running chapters: in what order, how many at a time, and what becomes of each.

doit schedules them. Its own memory of earlier runs is not used: the key of a result lies in
the executed notebook (`lwsurvey.press.keys`), which appears by one rename when a chapter is
finished. So there is nothing that an interrupted run could leave in a wrong state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from doit.control import TaskControl
from doit.dependency import Dependency, SqliteDB
from doit.exceptions import TaskFailed
from doit.reporter import ZeroReporter
from doit.runner import MThreadRunner
from doit.task import dict_to_task
from filelock import FileLock, ReadWriteLock, Timeout

from lwsurvey.press import keys
from lwsurvey.press.process import Outcome, Workers
from lwsurvey.press.progress import Progress
from lwsurvey.press.results import logs_folder, runs_folder
from lwsurvey.press.tasks import WORK, Task

ALONE = ".alone"


def execute(tasks: list[Task], jobs: int) -> dict[str, Outcome]:
    """Run what is not fresh; a chapter that fails does not keep the others from running.

    Args:
        tasks: from `lwsurvey.press.tasks.prepare`.
        jobs: how many chapters run at a time, except those that run alone.

    Returns:
        The outcome of each chapter that was run here, finished or failed.

    Raises:
        KeyboardInterrupt: the user's; the workers have ended, finished chapters stay.
    """
    stale = [task for task in tasks if not task.state.fresh]
    alone = {task.slug for task in stale if task.alone}
    progress = Progress({task.slug: task.estimate for task in stale}, alone, jobs)
    run = _Run(progress)
    try:
        run.phase([task for task in tasks if not task.alone], jobs)
        run.phase([task for task in tasks if task.alone], 1)
    except KeyboardInterrupt:
        run.workers.stop()
        raise
    finally:
        progress.close()
    return run.outcomes


class _Run(ZeroReporter):
    """One run of some chapters, and what doit tells about it."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(None, {})
        self.progress, self.workers = progress, Workers()
        self.outcomes: dict[str, Outcome] = {}
        self._tasks: dict[str, Task] = {}

    def phase(self, tasks: list[Task], jobs: int) -> None:
        """Run some chapters, ``jobs`` at a time."""
        self._tasks |= {task.slug: task for task in tasks}
        control = TaskControl([dict_to_task(self._description(task)) for task in tasks])
        control.process(None)
        memory = Dependency(SqliteDB, ":memory:")
        runner = MThreadRunner(memory, self, continue_=True, num_process=jobs)
        runner.run_all(control.task_dispatcher())

    def add_failure(self, task: object, fail: Exception) -> None:
        """Show why a chapter failed; called by doit."""
        ours = self._tasks[task.name]
        # Without an outcome it is an error of ours; the last line of doit's message names it.
        unknown = Outcome(None, fail.get_msg().strip().splitlines()[-1])
        outcome = self.outcomes.setdefault(ours.slug, unknown)
        partial = ours.folder / "failed" / f"{ours.slug}.ipynb"
        self.progress.fail(ours.slug, outcome, self._log(ours), partial)

    def _description(self, task: Task) -> dict[str, object]:
        return {
            "name": task.slug,
            "actions": [(self._run, [task])],
            "uptodate": [task.state.fresh],
            "io": {"capture": False},
        }

    def _run(self, task: Task) -> TaskFailed | None:
        with self._held(task) as waited:
            if waited and keys.state(task.chapter, task.preset, task.parameters, task.folder).fresh:
                self.progress.taken(task.slug)
                return None
            with self._apart(task):
                outcome = self._work(task)
        self.outcomes[task.slug] = outcome
        if outcome.seconds is None:
            return TaskFailed(outcome.reason)
        self.progress.finish(task.slug, outcome.seconds)
        return None

    def _work(self, task: Task) -> Outcome:
        # What a killed run or a failed one left; the lock is ours, so nobody writes there.
        for left in (f"{WORK}/{task.slug}.ipynb", f"{WORK}/{task.slug}.done"):
            (task.folder / left).unlink(missing_ok=True)
        (task.folder / "failed" / f"{task.slug}.ipynb").unlink(missing_ok=True)
        self.progress.start(task.slug)
        return self.workers.run(
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
