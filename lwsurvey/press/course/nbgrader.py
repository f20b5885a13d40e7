"""nbgrader's own commands, run in a course's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


class NbgraderError(RuntimeError):
    """A command of nbgrader failed; the message has the last lines of what it said."""


def path() -> str:
    """The search path, with the folder of ``alembic``, which nbgrader calls by its name."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))


def environment() -> dict[str, str]:
    """The environment with that search path."""
    return os.environ | {"PATH": path()}


def run(course: Path, *arguments: str, module: str = "nbgrader") -> str:
    """Run ``nbgrader ARGUMENTS`` in a course's folder; what it said.

    Args:
        course: the folder.
        arguments: of the command.
        module: what to run in its place.

    Raises:
        NbgraderError: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-m", module, *arguments],
        cwd=course,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        said = "\n  ".join(done.stdout.strip().splitlines()[-6:])
        raise NbgraderError(f"{module} {arguments[0]} failed:\n  {said}")
    return done.stdout
