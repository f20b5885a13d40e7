"""What happened to a submission, in sentences for the instructor."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lwsurvey import store

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
        store.write(path, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Story:
        """Read it; an empty one if nothing was told yet."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()
