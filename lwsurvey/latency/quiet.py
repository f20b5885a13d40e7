"""One measurement at a time on this machine, with a set number of threads and no collection."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from filelock import FileLock, Timeout

NAME = "lwsurvey-latency.lock"


class LatencyError(RuntimeError):
    """A competitor that cannot be timed; the message names it."""


def lock_file() -> Path:
    """The lock file, the same for all users; the system gives it back when its holder dies."""
    shared = Path("/tmp")  # not $TMPDIR, which differs between users and between our own runs
    usable = shared.is_dir() and os.access(shared, os.W_OK)
    return (shared if usable else Path(tempfile.gettempdir())) / NAME


# A process has one, counted by its one thread at a time: it cannot wait for itself.
_threads = threading.RLock()
_file: dict[Path, FileLock] = {}


@contextmanager
def machine() -> Iterator[None]:
    """Hold the machine for a measurement; wait, and the first time say so, while another runs.

    Raises:
        LatencyError: the lock file cannot be opened.
    """
    with _threads:
        where = lock_file()
        lock = _file.setdefault(where, FileLock(where, mode=0o666, thread_local=False))
        _acquire(lock, where)
        try:
            yield
        finally:
            lock.release()


def _acquire(lock: FileLock, where: Path) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:  # which is an OSError, too
        _say_once(where)
        lock.acquire(poll_interval=0.1)
    except OSError as error:
        raise LatencyError(
            f"the lock file {where} cannot be opened ({error.strerror}): make it readable and "
            "writable for all who measure on this machine, or delete it"
        ) from error


@cache
def _say_once(where: Path) -> None:
    # The carriage return marks it as progress, which the press keeps off the page.
    print(f"\rWaiting for another measurement on this machine ({where})", file=sys.stderr)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """PyTorch with so many threads on the host, and as many as before in the end.

    Raises:
        LatencyError: PyTorch does not take the number.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        if (got := torch.get_num_threads()) != count:
            raise LatencyError(f"PyTorch runs {got} threads although {count} were asked for")
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def no_collection() -> Iterator[None]:
    """Python does not look for garbage meanwhile."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
