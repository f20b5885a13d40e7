"""Whose turn it is on the GPU: within a run, and among all runs of this machine."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lwsurvey.press.run import accelerator
from lwsurvey.press.run.tasks import Task

NAME = "lwsurvey-gpu-{}.lock"
OFTEN = 0.2


def after(tasks: list[Task], jobs: int) -> dict[str, list[str]]:
    """Which chapter waits for which, so that ``jobs`` of those on a GPU run at a time.

    Only they wait: a chapter that takes no GPU never stands in line behind one that does.
    """
    line = [task.slug for task in tasks if not task.state.fresh and accelerator.takes(task.used)]
    return {slug: [before] for before, slug in zip(line, line[jobs:], strict=False)}


@contextmanager
def place(jobs: int) -> Iterator[Callable]:
    """One of ``jobs`` places on the GPU of this machine, given back at the end.

    Yields:
        What takes it, called as the ``acquire`` of a `FileLock`: with a time-out of 0 it raises
        filelock.Timeout if there is no free place, without one it waits.
    """
    locks = [FileLock(file(i), mode=0o666, thread_local=False) for i in range(jobs)]
    try:
        yield lambda timeout=None: _first(locks, timeout)
    finally:
        for lock in locks:
            lock.release()


def file(number: int) -> Path:
    """The lock of a place, the same for all users; the system gives it back if its holder dies."""
    shared = Path("/tmp")  # not $TMPDIR, which differs between users
    usable = shared.is_dir() and os.access(shared, os.W_OK)
    return (shared if usable else Path(tempfile.gettempdir())) / NAME.format(number)


def _first(locks: list[FileLock], timeout: float | None) -> None:
    """Take the first place that is free; wait for one unless the time-out is 0."""
    while True:
        for lock in locks:
            try:
                lock.acquire(timeout=0)
                return
            except Timeout:
                continue
        if timeout == 0:
            raise Timeout(locks[0].lock_file)
        time.sleep(OFTEN)
