"""The worker processes of a run, one a chapter: starting them, hearing from them, ending them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from lwsurvey import paths
from lwsurvey.press.run import accelerator
from lwsurvey.press.run.tasks import Outcome

GRACE = 5.0
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Workers:
    """The running workers; at most one thread starts or stops them at a time.

    Args:
        variables: of their environment, besides ours.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = dict(variables or {})
        self._running: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether all were ended, as an interrupted run does."""
        return self._stopped

    def execute(self, job: dict, log: Path, on_cell: Callable[[dict], None]) -> Outcome:
        """Execute a chapter in a process of its own, and wait for its end.

        Args:
            job: see `lwsurvey.press.run.tasks.Task.job`.
            log: file that takes everything that the worker and its kernel print.
            on_cell: called when a cell starts.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        # The worker removes it when we are killed; we do when the worker is.
        with tempfile.TemporaryDirectory(prefix="lwsurvey-", ignore_cleanup_errors=True) as scratch:
            with open(log, "w", encoding="utf-8") as stderr:
                process = self._start(stderr, accelerator.environment(job["parameters"]))
            if process is None:
                return Outcome(None, "the run was interrupted")
            try:
                return self._listen(process, job | {"scratch": scratch}, on_cell)
            finally:
                process.stdin.close()
                process.stdout.close()
                self._running.discard(process)

    def stop(self) -> None:
        """End all workers, and start none from here on."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()

    def _start(self, stderr: object, own: dict[str, str]) -> subprocess.Popen | None:
        with self._lock:
            if self._stopped:
                return None
            process = subprocess.Popen(
                [sys.executable, "-m", "lwsurvey.press.run.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=paths.root() / "notebooks",
                env=_environment() | self._variables | own,
                # Ctrl-C reaches the run only, which then ends the workers in order.
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def _listen(self, process: subprocess.Popen, job: dict, on_cell: Callable) -> Outcome:
        try:
            process.stdin.write((json.dumps(job) + "\n").encode())
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; its exit status says so below
        place, last = None, {}
        for line in process.stdout:
            last = json.loads(line)
            if "cell" in last:
                place = last
                on_cell(place)
        process.wait()
        if "seconds" in last:
            return Outcome(last["seconds"])
        if "failed" in last:
            return Outcome(None, last["failed"], place, last.get("memory", False))
        return Outcome(None, f"its process ended: {status_text(process.returncode)}", place)


def _environment() -> dict[str, str]:
    """One thread each, since two chapters share the processor; what the user set is kept."""
    ours = {name: "1" for name in THREADS} | {"PYTHONHASHSEED": "0"}
    search = [str(paths.PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    fixed = {
        "LWSURVEY_ROOT": str(paths.root().resolve()),
        "PYTHONPATH": os.pathsep.join(filter(None, search)),
    }
    return ours | dict(os.environ) | fixed


def status_text(code: int) -> str:
    """An exit status in words."""
    if code == -signal.SIGKILL:
        return "killed by the system or a user, often because memory ran out"
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"exit status {code}"
