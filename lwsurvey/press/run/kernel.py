"""How a worker starts its kernel, and how it makes sure that the kernel ends with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

from lwsurvey.press.run import trace


class Scratch:
    """The folder for sockets, traces and IPython's profile of one run.

    It is not in the checkout, because the name of a socket has 107 characters at most. The
    user's own IPython profile is not used, because its start-up files could change results.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reads = self.folder / "reads"
        os.environ["JUPYTER_RUNTIME_DIR"] = str(self.folder)
        os.environ["IPYTHONDIR"] = str(self.folder / "ipython")

    def names_read(self) -> set[str]:
        """What the kernel has read, relative to the checkout; see `lwsurvey.press.run.trace`."""
        text = self.reads.read_text(encoding="utf-8", errors="surrogateescape")
        return set(text.splitlines())

    def remove(self) -> None:
        """Delete the folder; a kernel that is just ending may still write into it."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Kernel(AsyncKernelManager):
    """A kernel of this interpreter, whatever kernels are installed on the machine."""

    # papermill makes and drops the manager itself; the process is needed after that.
    process: ClassVar[subprocess.Popen | None] = None

    @default("transport")
    def _sockets(self) -> str:
        """Files instead of TCP ports, which two kernels that start together can both choose."""
        return "tcp" if sys.platform == "win32" else "ipc"

    @default("connection_file")
    def _beside_the_sockets(self) -> str:
        """In the scratch folder, which also puts the sockets there; Jupyter's is for all."""
        return os.path.join(os.environ["JUPYTER_RUNTIME_DIR"], "kernel.json")

    @property
    def kernel_spec(self) -> KernelSpec:
        """This interpreter with our watch over the files that are read."""
        command = [sys.executable, "-m", trace.__name__, "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")

    async def start_kernel(self, **options: object) -> None:
        """Start it, and remember its process."""
        await super().start_kernel(**options)
        Kernel.process = self.provisioner.process


def kill() -> None:
    """End the kernel with everything that it has started, at once."""
    process = Kernel.process
    if process is not None and process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a process group of its own
        else:
            process.kill()


def exit_status() -> str:
    """How the kernel ended, in words."""
    code = Kernel.process.poll() if Kernel.process is not None else None
    return "it did not say why" if code is None else status_text(code)


def status_text(code: int) -> str:
    """An exit status in words."""
    if code == -signal.SIGKILL:
        return "killed by the system or a user, often because memory ran out"
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"exit status {code}"
