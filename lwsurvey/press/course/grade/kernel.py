"""Starts a kernel within its limits, watches what it uses, and ends it when it is too much.

``python -m lwsurvey.press.course.grade.kernel STARTER RUNTIME ARGV...`` stands between nbgrader,
the process with the number STARTER, and the kernel; the grading comes through the environment.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from lwsurvey.press.course.grade import sandbox
from lwsurvey.press.course.grade.grading import Grading, Limits, current

PAUSE = 0.05
WORDS = {
    "memory": "it needed more than {memory} MiB of memory",
    "processes": "it started more than {processes} processes",
    "disk": "it wrote more than {disk} MiB",
    "parent": "the process that started the kernel has gone",
}


def main(argv: list[str]) -> int:
    """Run the kernel until it ends, or goes beyond a limit."""
    # The starter tells its number: it can have gone before this process could ask for it.
    grading, starter, runtime = current(), int(argv[0]), Path(argv[1])
    with _place(grading, runtime, argv[2:]) as (command, folder):
        home = sandbox.HOME if grading.sandbox else folder
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=sandbox.environment(home),
            preexec_fn=lambda: _restrict(grading.limits),
        )
        _watch(child, grading, runtime, starter)
        status = child.wait()
    if os.getppid() != starter:  # nobody else is left to do it
        shutil.rmtree(runtime, ignore_errors=True)
    return status


@contextlib.contextmanager
def _place(grading: Grading, runtime: Path, argv: list[str]) -> Iterator[tuple[list[str], Path]]:
    folder = Path.cwd()
    if grading.sandbox:
        disk = grading.limits.disk
        yield sandbox.command(argv, folder=folder, runtime=runtime, disk=disk), folder
        return
    with tempfile.TemporaryDirectory() as fresh:
        for path in folder.iterdir():
            if path.is_file() and path.suffix != ".ipynb":
                shutil.copy(path, fresh)
        yield argv, Path(fresh)


def _restrict(limits: Limits) -> None:
    """Large files and huge allocations fail at once, as an error of the cell that asks for them.

    Twice the memory, so that what grows bit by bit is ended by the watch: a kernel that has no
    memory left fails in its own threads, and no cell says so.
    """
    data, size = 2 * limits.memory * 2**20, limits.disk * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _watch(child: subprocess.Popen, grading: Grading, runtime: Path, starter: int) -> None:
    peak, limits = float(grading.peak() or 0), grading.limits
    grading.note(peak)  # nothing has stopped this kernel yet
    while child.poll() is None:
        used, processes = _used(child.pid)
        if used > 1.02 * peak:
            peak = used
            grading.note(peak)
        beyond = {
            "memory": used > limits.memory,
            "processes": processes > limits.processes,
            "disk": _size(runtime) > limits.disk,
            "parent": os.getppid() != starter,
        }
        if any(beyond.values()):
            reason = next(name for name in beyond if beyond[name])
            grading.note(peak, WORDS[reason].format(**vars(limits)))
            _end(child)
            return
        time.sleep(PAUSE)


def _used(pid: int) -> tuple[float, int]:
    """MiB of memory, and the number of processes, of one and all that descend from it."""
    used, processes = 0, 0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                used += process.memory_info().rss
                processes += 1
    return used / 2**20, processes


def _size(runtime: Path) -> float:
    """MiB of files where the kernel has its sockets."""
    with contextlib.suppress(FileNotFoundError):
        return sum(path.stat().st_size for path in runtime.rglob("*")) / 2**20
    return 0.0


def _end(child: subprocess.Popen) -> None:
    for process in [*psutil.Process(child.pid).children(recursive=True), child]:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
