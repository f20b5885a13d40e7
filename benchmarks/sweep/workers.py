"""Processes that count networks, one at a time each; a network cannot take the others along."""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

Job = tuple[str, str]  # library, name
Measure = Callable[[str, str], dict[str, Any]]


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    ready: bool = False
    gone: bool = False
    job: Job | None = None
    since: float = 0.0


def measured(
    jobs: Iterable[Job], measure: Measure, processes: int, timeout: float
) -> Iterator[dict[str, Any]]:
    """Rows in the order in which they are finished.

    A process that ends (killed for its memory, say) or takes longer than ``timeout`` seconds
    for one network gives a row with an ``error``, and a new one takes its place.

    Args:
        jobs: library and name of the networks.
        measure: makes the row; a function of a module.
        processes: how many networks are counted at a time.
        timeout: seconds for one network.

    Raises:
        RuntimeError: a process does not even start.
    """
    waiting = deque(jobs)
    workers = [_start(measure) for _ in range(min(processes, len(waiting)))]
    try:
        while waiting or any(worker.job for worker in workers):
            heard = wait([worker.pipe for worker in workers], timeout=0.5)
            for worker in list(workers):
                row = _hear(worker, worker.pipe in heard, timeout)
                if row is not None:
                    yield row
                if worker.gone:
                    workers.remove(worker)
                    workers += [_start(measure)] if waiting else []
                elif worker.ready and not worker.job and waiting:
                    _give(worker, waiting.popleft())
    finally:
        for worker in workers:
            worker.process.kill()


def _start(measure: Measure) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, measure), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, job: Job) -> None:
    worker.job, worker.since = job, time.monotonic()
    worker.pipe.send(job)


def _hear(worker: _Worker, heard: bool, timeout: float) -> dict[str, Any] | None:
    """A row that a worker has sent, or one that says why there is none."""
    if not heard:
        late = worker.job and time.monotonic() - worker.since > timeout
        return _ended(worker, f"took longer than {timeout:g} s") if late else None
    try:
        row = worker.pipe.recv()
    except EOFError:
        worker.process.join()
        code = worker.process.exitcode
        return _ended(worker, f"the process that counted it ended with code {code}")
    worker.ready, worker.job = True, None
    return row


def _ended(worker: _Worker, error: str) -> dict[str, Any] | None:
    """The row of the network that a worker had; None if it was waiting for one."""
    worker.process.kill()
    worker.process.join()
    worker.gone = True
    if not worker.ready:
        raise RuntimeError(f"a process for counting does not start: {error}")
    if worker.job is None:
        return None
    (library, name), worker.job = worker.job, None
    seconds = round(time.monotonic() - worker.since, 2)
    return {"library": library, "name": name, "error": error, "seconds": seconds}


def _serve(pipe: Connection, measure: Measure) -> None:
    """Answer one network after another, until the sweep is gone."""
    try:
        pipe.send(None)
        while True:
            pipe.send(measure(*pipe.recv()))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return
