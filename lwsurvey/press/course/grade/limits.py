"""What one submission may use, and how the processes that grade it hand this on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "LWSURVEY_GRADING"


@dataclass(frozen=True)
class Limits:
    """Limits of one submission.

    Attributes:
        cell: seconds for one cell.
        notebook: seconds for all cells together.
        memory: MiB of main memory for the kernel and all that it starts.
        output: MiB that one cell may print.
        disk: MiB of files that it may write; they vanish with the kernel.
        processes: that may run at a time.
    """

    cell: float = 60
    notebook: float = 600
    memory: int = 4096
    output: int = 10
    disk: int = 256
    processes: int = 64


@dataclass(frozen=True)
class Task:
    """The grading of one submission, as its processes see it.

    Attributes:
        limits: what it may use.
        release: the student version that was handed out.
        report: JSON file that takes what happened.
        usage: JSON file that takes what the kernel used, and why it was stopped.
        sandbox: whether the kernel runs in one.
    """

    limits: Limits
    release: Path
    report: Path
    usage: Path
    sandbox: bool = True

    def environment(self) -> dict[str, str]:
        """The variable that ``current`` reads in another process."""
        return {VARIABLE: json.dumps(asdict(self), default=str)}


def current() -> Task:
    """The task that the environment describes."""
    found = json.loads(os.environ[VARIABLE])
    paths = {name: Path(found[name]) for name in ("release", "report", "usage")}
    return Task(Limits(**found["limits"]), **paths, sandbox=found["sandbox"])
