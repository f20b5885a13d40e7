"""nbgrader's kernels, started through ``kernel.py`` and reached without a network."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import Unicode, default

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
