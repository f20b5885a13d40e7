"""What happened to a submission, in sentences for the instructor."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

LOOK = "Look at it"


@dataclass
class Story:
    """Sentences in the order in which things happened.

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
        write(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Story:
        """Read it; an empty one if nothing was told yet."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()


def write(path: Path, content: dict) -> None:
    """Write a JSON file as a whole, because the process that writes may be killed."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(new, path)
