"""One measurement at a time on this machine."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from lwsurvey.latency.errors import LatencyError

NAME = "lwsurvey-latency.lock"


def path() -> Path:
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
        where = path()
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
