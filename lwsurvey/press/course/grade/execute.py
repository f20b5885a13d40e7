"""nbgrader's Execute, for notebooks that may do anything."""

from __future__ import annotations

import asyncio
import os
import time
from queue import Empty

import nbformat
from jupyter_client.utils import ensure_async
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade

from lwsurvey.press.course.grade import guard
from lwsurvey.press.course.grade.limits import current
from lwsurvey.press.course.grade.manager import Manager
from lwsurvey.press.course.grade.story import Story
from lwsurvey.press.course.grade.usage import stopped

GRACE = 5  # seconds that a cell has to end after it was interrupted
RESTARTS = 8


class Guarded(Execute):
    """Runs all cells within limits; what a cell does costs no other cell its marks.

    A cell that ends the kernel is left out in a second run of the notebook.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs["kernel_manager_class"] = Manager
        super().__init__(*args, **kwargs)
        self.task = current()
        self.limits = self.task.limits
        self.timeout = self.limits.cell
        self.iopub_timeout = GRACE
        self.starter = os.getppid()
        self.story = Story.load(self.task.report)
        self.imports = guard.imports(nbformat.read(self.task.release, as_version=4))

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
        self.story.save(self.task.report)
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
        self.story.save(self.task.report)
        return cell, resources

    def _no_time(self) -> str:
        if time.monotonic() - self.began < self.limits.notebook:
            return ""
        reason = f"the {self.limits.notebook:g} s for the whole notebook were used up"
        self.story.tell(f"Cells were left out: {reason}.", stopped=True)
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
            self.story.tell(f"The submission {guard.RESTORED.format(names=names)}.")
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
        self.story.tell(f"No test counts: {guard.FORGED}.", forged=True, look=True)
        for cell in nb.cells:
            if cell.cell_type == "code" and is_grade(cell):
                _fail(cell, "Forged", guard.FORGED)

    def _deadly(self, nb: NotebookNode, error: Exception) -> None:
        reason = stopped(self.task.usage)
        if not reason and isinstance(error, CellTimeoutError):
            reason = "its output did not come to an end"
        ended = "it ended the kernel" if isinstance(error, DeadKernelError) else f"{error}"[:200]
        reason = reason or self.stuck or ended
        self.stuck = ""
        self.deadly[self.at] = reason
        self._tell_stopped(nb.cells[self.at], reason)
        if len(self.deadly) > RESTARTS:
            self.story.tell("The cells after it were left out: the kernel ended too often.")
            self.deadly |= dict.fromkeys(
                range(self.at, len(nb.cells)), "the kernel ended too often"
            )
        self.story.save(self.task.report)

    def _tell_stopped(self, cell: NotebookNode, reason: str) -> None:
        self.story.tell(f"The cell {name(cell)} was stopped: {reason}.", stopped=True)

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
