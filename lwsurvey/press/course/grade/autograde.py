"""nbgrader's command ``autograde`` for notebooks that may do anything.

``python -m lwsurvey.press.course.grade.autograde ARGUMENTS`` takes the arguments of
``nbgrader autograde``; the grading comes through the environment.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.utils import ensure_async
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader.apps import AutogradeApp
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade
from traitlets import Unicode, default
from traitlets.config import Config

from lwsurvey.press.course.grade import guard
from lwsurvey.press.course.grade.grading import Log, current
from lwsurvey.press.course.grade.repair import Repair

GRACE = 5  # seconds that a cell has to end after it was interrupted
RESTARTS = 8
LAST = "import sys; sys.path.append('')"  # files of one's own, behind all packages


class Manager(AsyncKernelManager):
    """Sockets are files of one folder, so that the kernel needs no network."""

    runtime = Unicode()

    @default("runtime")
    def _runtime(self) -> str:
        # Short, because the path of a socket has 107 characters at most.
        return tempfile.mkdtemp(prefix="lw")

    @default("transport")
    def _transport(self) -> str:
        return "ipc"

    @default("ip")
    def _ip(self) -> str:
        return str(Path(self.runtime) / "k")

    @default("connection_file")
    def _connection_file(self) -> str:
        return str(Path(self.runtime) / "kernel.json")

    @property
    def kernel_spec(self) -> KernelSpec | None:
        """Interrupted by a message: signals do not reach into a namespace of processes."""
        spec = super().kernel_spec
        if spec is not None:
            spec.interrupt_mode = "message"
        return spec

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """The kernel's own command, behind that of ``kernel.py``."""
        # -P, because the working folder has the student's files, which would be imported first:
        # those of kernel.py outside of the sandbox.
        python, *rest = super().format_kernel_cmd(extra_arguments)
        own = [sys.executable, "-P", "-m", "lwsurvey.press.course.grade.kernel"]
        own += [str(os.getpid()), self.runtime]
        return [*own, python, "-P", *rest, f"--IPKernelApp.exec_lines={LAST}"]

    def cleanup_resources(self, restart: bool = False) -> None:
        """The sockets' folder goes with the kernel."""
        super().cleanup_resources(restart)
        if not restart and self.has_trait("runtime"):
            shutil.rmtree(self.runtime, ignore_errors=True)


class Guarded(Execute):
    """Runs all cells within limits; what a cell does costs no other cell its marks.

    A cell that ends the kernel is left out in a second run of the notebook.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs["kernel_manager_class"] = Manager
        super().__init__(*args, **kwargs)
        self.grading = current()
        self.limits = self.grading.limits
        self.timeout = self.limits.cell
        self.iopub_timeout = GRACE
        self.starter = os.getppid()
        self.submission_log = Log.load(self.grading.report)
        self.imports = guard.imports(nbformat.read(self.grading.release, as_version=4))

    def preprocess(self, nb: NotebookNode, resources: dict, km: object = None) -> tuple:
        """Run the notebook, again without each cell that ended the kernel."""
        self.began, self.deadly, self.forged = time.monotonic(), {}, False
        while True:
            self.flooded, self.at = set(), None
            try:
                done = super().preprocess(nb, resources)
                break
            except Exception as error:  # a kernel can answer with anything, and then with nothing
                if self.at is None:
                    raise
                self._deadly(nb, error)
        if self.forged:
            self._fail_all(nb)
        self.submission_log.save(self.grading.report)
        return done

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int) -> tuple:
        """One cell, unless it ended the kernel before or no time is left."""
        if cell.cell_type != "code" or not cell.source.strip():
            return cell, resources
        if reason := self.deadly.get(index) or self._no_time():
            _fail(cell, "Stopped", reason)
            return cell, resources
        if os.getppid() != self.starter:
            raise KeyboardInterrupt("the command that started this has gone")
        self.at = index
        if is_grade(cell):
            self._guard(index)
        # A test stays out of the notebook's history, where an answer could read it.
        cell = self.execute_cell(cell, index, store_history=not is_grade(cell))
        self._judge(cell, index)
        self.submission_log.save(self.grading.report)
        return cell, resources

    def _no_time(self) -> str:
        if time.monotonic() - self.began < self.limits.notebook:
            return ""
        reason = f"the {self.limits.notebook:g} s for the whole notebook were used up"
        self.submission_log.tell(f"Cells were left out: {reason}.", stopped=True)
        return reason

    def _judge(self, cell: NotebookNode, index: int) -> None:
        """What the outputs of a cell mean for its marks."""
        if index in self.flooded:
            self._settle(index)
            reason = f"it printed more than {self.limits.output} MiB"
            self._tell_stopped(cell, reason)
            _fail(cell, "OutputLimit", reason)
        if any(o.output_type == "error" and o.ename == "CellTimeoutError" for o in cell.outputs):
            self._tell_stopped(cell, f"it ran for more than {self.limits.cell:g} s")
        if is_grade(cell):
            # nbgrader takes a cell's value for its marks, and a warning for a failure.
            errors = [o for o in cell.outputs if o.output_type == "error"]
            said = [o for o in cell.outputs if o.output_type in ("stream", "display_data")]
            cell.outputs = errors or [o for o in said if o.get("name") != "stderr"]

    def _guard(self, index: int) -> None:
        """Before a test: real built-in functions, and an assertion that fails as it should."""
        word = guard.token()
        code = guard.clean(word, self.imports)
        printed = "".join(o.get("text", "") for o in self._aside(code, index))
        genuine, hidden = guard.read(printed, word)
        if hidden:
            names = ", ".join(hidden)
            self.submission_log.tell(f"The submission {guard.RESTORED.format(names=names)}.")
        errors = [o for o in self._aside(guard.canary(word), index) if o.output_type == "error"]
        fails = any(o.ename == "AssertionError" and o.evalue == word for o in errors)
        self.forged = self.forged or not (genuine and fails)

    def _settle(self, index: int) -> None:
        """Wait until an interrupt that was sent has arrived, so that it hits no other cell."""
        for _ in range(3):
            if not any(o.output_type == "error" for o in self._aside("pass", index)):
                return

    def _aside(self, source: str, index: int) -> list[NotebookNode]:
        """Outputs of code that is no part of the notebook."""
        cell, mine = self.nb.cells[index], new_code_cell(source)
        try:
            return self.execute_cell(mine, index, store_history=False).outputs
        finally:
            self.nb.cells[index] = cell  # nbclient puts what it runs there

    def _fail_all(self, nb: NotebookNode) -> None:
        self.submission_log.tell(f"No test counts: {guard.FORGED}.", forged=True, look=True)
        for cell in nb.cells:
            if cell.cell_type == "code" and is_grade(cell):
                _fail(cell, "Forged", guard.FORGED)

    def _deadly(self, nb: NotebookNode, error: Exception) -> None:
        reason = self.grading.stop_reason()
        if not reason and isinstance(error, CellTimeoutError):
            reason = "its output did not come to an end"
        ended = "it ended the kernel" if isinstance(error, DeadKernelError) else f"{error}"[:200]
        reason = reason or self.stuck or ended
        self.stuck = ""
        self.deadly[self.at] = reason
        self._tell_stopped(nb.cells[self.at], reason)
        if len(self.deadly) > RESTARTS:
            self.submission_log.tell(
                "The cells after it were left out: the kernel ended too often."
            )
            self.deadly |= dict.fromkeys(
                range(self.at, len(nb.cells)), "the kernel ended too often"
            )
        self.submission_log.save(self.grading.report)

    def _tell_stopped(self, cell: NotebookNode, reason: str) -> None:
        self.submission_log.tell(f"The cell {name(cell)} was stopped: {reason}.", stopped=True)

    stuck = ""

    async def _async_handle_timeout(self, timeout: float, cell: NotebookNode | None = None) -> dict:
        reply = await super()._async_handle_timeout(timeout, cell)
        try:
            await ensure_async(self.kc.shell_channel.get_msg(timeout=GRACE))
        except Empty:
            self.stuck = f"it ran for more than {timeout:g} s and could not be interrupted"
            await ensure_async(self.km.shutdown_kernel(now=True))
            raise DeadKernelError(self.stuck) from None
        return reply

    def process_message(self, msg: dict, cell: NotebookNode, cell_index: int) -> object:
        """Count what a cell prints; beyond the limit it is interrupted and nothing is kept."""
        size = _size(msg["content"])
        self.printed = size + (self.printed if self.printing is cell else 0)
        self.printing = cell
        if size and self.printed > self.limits.output * 2**20:
            if cell_index not in self.flooded:
                self.flooded.add(cell_index)
                self.interrupt = asyncio.ensure_future(ensure_async(self.km.interrupt_kernel()))
            return None
        return super().process_message(msg, cell, cell_index)

    printing, printed = None, 0


def name(cell: NotebookNode) -> str:
    """How to call a cell: by its name in nbgrader, or by its first line."""
    if found := cell.metadata.get("nbgrader", {}).get("grade_id"):
        return f"“{found}”"
    first = next(iter(cell.source.strip().splitlines()), "")
    return f"that begins “{first[:40]}”"


def _size(content: dict) -> int:
    """Bytes of an output; 0 for other messages."""
    if "text" in content:
        return len(content["text"])
    if "data" in content:
        return sum(len(str(value)) for value in content["data"].values())
    return sum(map(len, content.get("traceback", ())))


def _fail(cell: NotebookNode, kind: str, reason: str) -> None:
    text = f"{kind}: {reason}"
    cell.outputs = [new_output("error", ename=kind, evalue=reason, traceback=[text])]


def config() -> Config:
    """nbgrader's own steps, with one before them and one exchanged."""
    made = Config()
    steps = Autograde.autograde_preprocessors.default_args[0]
    made.Autograde.autograde_preprocessors = [Guarded if s is Execute else s for s in steps]
    made.Autograde.sanitize_preprocessors = [
        Repair,
        *Autograde.sanitize_preprocessors.default_args[0],
    ]
    return made


if __name__ == "__main__":
    AutogradeApp.launch_instance(config=config())
