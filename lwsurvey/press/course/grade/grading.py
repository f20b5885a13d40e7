"""The grading of one submission as its processes see it: limits, log and use of memory."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lwsurvey import store

VARIABLE = "LWSURVEY_GRADING"
LOOK = "Look at it"


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
class Grading:
    """The grading of one submission.

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

    def note(self, peak: float, stopped: str = "") -> None:
        """Keep how many MiB the kernel used at the most, and why it was ended if it was."""
        store.write(self.usage, json.dumps({"peak": round(peak), "stopped": stopped}) + "\n")

    def peak(self) -> int | None:
        """MiB of memory at the most, or None if no kernel ran."""
        return json.loads(self.usage.read_text())["peak"] if self.usage.exists() else None

    def stop_reason(self) -> str:
        """Why the kernel was ended, or an empty text."""
        return json.loads(self.usage.read_text())["stopped"] if self.usage.exists() else ""


def current() -> Grading:
    """The grading that the environment describes."""
    found = json.loads(os.environ[VARIABLE])
    paths = {name: Path(found[name]) for name in ("release", "report", "usage")}
    return Grading(Limits(**found["limits"]), **paths, sandbox=found["sandbox"])


@dataclass
class Log:
    """What happened to a submission, in sentences for the instructor, in order.

    Attributes:
        told: all of them.
        stopped: whether a cell had to be stopped.
        forged: whether the kernel was changed so that tests cannot fail.
        look: whether a person should look at the submission.
    """

    told: list[str] = field(default_factory=list)
    stopped: bool = False
    forged: bool = False
    look: bool = False

    def tell(self, sentence: str, **flags: bool) -> None:
        """Add a sentence once, and raise flags."""
        if sentence not in self.told:
            self.told.append(sentence)
        for name, value in flags.items():
            setattr(self, name, getattr(self, name) or value)

    def save(self, path: Path) -> None:
        """Write it, so that it can be loaded at any moment."""
        store.write(path, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Log:
        """Read it; an empty one if nothing was told yet."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()
