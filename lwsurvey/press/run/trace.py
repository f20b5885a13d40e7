"""The kernel of a chapter's run: an ordinary one that notes which of our files it reads.

An audit hook of Python sees every file that Python code opens, whatever library does it. It
does not see what C++ code opens by itself, nor what a new process (not a fork) reads.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT_VARIABLE = "LWSURVEY_TRACE_ROOT"
FILE_VARIABLE = "LWSURVEY_TRACE_FILE"
WORKER_VARIABLE = "LWSURVEY_WORKER"
# Sources are followed by the key through their import statements, see imports.py.
CODE = (".py", ".pyc", ".so")
LISTED = "data/"
# Written by installers; what is installed is in the lock file.
INSTALLED = (".egg-info/", ".dist-info/")


def install(root: str, log: Path) -> None:
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
    install(os.environ.pop(ROOT_VARIABLE), Path(os.environ.pop(FILE_VARIABLE)))
    # If the worker died before the kernel's own watch over its parent began.
    if os.getppid() != int(os.environ.pop(WORKER_VARIABLE)):
        sys.exit("the worker is gone")
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    main()
