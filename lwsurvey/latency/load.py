"""Processes that keep other cores busy, to see what that does to a measurement.

Run as a script, so that a worker does not wait for PyTorch.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


@contextmanager
def running(processes: int) -> Iterator[None]:
    """Keep so many other processes computing; they end with the block, and with this process."""
    workers = [_start() for _ in range(processes)]
    try:
        for worker in workers:
            if not worker.stdout.readline():
                raise RuntimeError(f"a load process ended at once, status {worker.wait()}")
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            worker.stdin.close()
            worker.stdout.close()


def _start() -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, os.path.abspath(__file__)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | ONE_THREAD,
        start_new_session=True,  # Ctrl-C is for the parent, which ends the workers
    )


def _work() -> None:
    """Compute and move memory in turns, until the parent's end of the pipe is closed."""
    import numpy as np

    threading.Thread(target=_end_with_parent, daemon=True).start()
    matrix, vector = np.ones((384, 384), np.float32), np.ones(2_000_000, np.float32)
    copy = vector.copy()
    print("ready", flush=True)
    while True:
        matrix @ matrix
        np.copyto(copy, vector)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    _work()
