"""The kernel of a chapter: how a worker starts it, what it reads, and how it ends.

It is an ordinary one that notes which of our files it reads. An audit hook of Python sees every
file that Python code opens, whatever library does it. It does not see what C++ code opens by
itself, nor what a new process (not a fork) reads.
"""

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

from lwsurvey import paths

ROOT_VARIABLE = "LWSURVEY_TRACE_ROOT"
FILE_VARIABLE = "LWSURVEY_TRACE_FILE"
WORKER_VARIABLE = "LWSURVEY_WORKER"
# Sources are followed through their import statements, see freshness.py.
CODE = (".py", ".pyc", ".so")
LISTED = "data/"
# Written by installers; what is installed is in the lock file.
INSTALLED = (".egg-info/", ".dist-info/")


class Scratch:
    """The folder for sockets, traces and IPython's profile of one run.

    It is not in the checkout, because the name of a socket has 107 characters at most. The
    user's own IPython profile is not used, because its start-up files could change results.
    The environment of this process, which the kernel inherits, names it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reads = self.folder / "reads"
        os.environ["JUPYTER_RUNTIME_DIR"] = str(self.folder)
        os.environ["IPYTHONDIR"] = str(self.folder / "ipython")
        os.environ[ROOT_VARIABLE] = str(paths.root())
        os.environ[FILE_VARIABLE] = str(self.reads)
        os.environ[WORKER_VARIABLE] = str(os.getpid())

    def names_read(self) -> set[str]:
        """What the kernel has read, relative to the checkout; see `note_reads`."""
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
        command = [sys.executable, "-m", __name__, "-f", "{connection_file}"]
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


def exit_code() -> int | None:
    """How the kernel ended; None if that is not known."""
    return Kernel.process.poll() if Kernel.process is not None else None


def note_reads(root: str, log: Path) -> None:
    """Append the name of each file under ``root`` that this process or a fork of it reads.

    Names are relative to ``root``; a listed folder ends with ``/``. Left out are code, hidden
    folders, build results and the Python environment.
    """
    prefix = os.path.join(os.path.realpath(root), "")
    ours = os.path.join(os.path.realpath(sys.prefix), "")
    # Opened once and before the hook, since opening a file calls the hook.
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    seen: set[str] = set()

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            name = _read_name(arguments, prefix, ours)
        elif event in ("os.listdir", "os.scandir"):
            name = _listed_name(arguments[0], prefix)
        else:
            return
        if name and name not in seen:
            seen.add(name)
            os.write(descriptor, f"{name}\n".encode("utf-8", "surrogateescape"))

    sys.addaudithook(hook)


def _read_name(arguments: tuple, prefix: str, ours: str) -> str | None:
    path, _, flags = arguments
    if (flags or 0) & (os.O_WRONLY | os.O_RDWR) == os.O_WRONLY:
        return None
    name = _inside(path, prefix)
    if name is None or name.endswith(CODE) or (prefix + name).startswith(ours):
        return None
    hidden = name.startswith((".", "_build/")) or "/." in name or "__pycache__" in name
    return None if hidden or any(mark in name for mark in INSTALLED) else name


def _listed_name(path: object, prefix: str) -> str | None:
    name = _inside(path or ".", prefix)
    listed = f"{name}/" if name else ""
    return listed if listed.startswith(LISTED) else None


def _inside(path: object, prefix: str) -> str | None:
    """The path relative to the checkout, or None if it is outside or a file descriptor."""
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    absolute = os.path.abspath(os.fsdecode(path))
    if not absolute.startswith(prefix):
        absolute = os.path.realpath(absolute)
    name = absolute.removeprefix(prefix)
    return name if name != absolute and "\n" not in name else None


def main() -> None:
    """Start the kernel that the worker asked for."""
    note_reads(os.environ.pop(ROOT_VARIABLE), Path(os.environ.pop(FILE_VARIABLE)))
    # If the worker died before the kernel's own watch over its parent began.
    if os.getppid() != int(os.environ.pop(WORKER_VARIABLE)):
        sys.exit("the worker is gone")
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    main()
