"""Rows that are already there, so that a sweep that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import Any

import lwsurvey
from lwsurvey import paths
from lwsurvey.chapters.network_cost.sweep import TIMM

LIBRARIES = ("timm", "torch", "torchvision")
# Folders of the package that decide what is counted.
SOURCES = ("cost", "models", "models/sources", "sweep")
RUNNING = {"__main__.py", "progress.py", "state.py", "table.py", "workers.py"}  # not what, but how


def key() -> str:
    """What a row depends on: the versions of the libraries, our code, and timm's own table."""
    digest = hashlib.sha256()
    for name in LIBRARIES:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    package = Path(lwsurvey.__file__).parent
    files = [path for folder in SOURCES for path in sorted((package / folder).glob("*.py"))]
    counting = [path for path in files if path.parent.name != "sweep" or path.name not in RUNNING]
    for path in (*counting, paths.data(TIMM)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


class State:
    """A file with one JSON line for each finished network.

    A line is written at once, when its network is finished; one that was cut off, and those
    that other versions or other code made, are not taken.

    Args:
        file: made with the first row.
        current: the key that rows must have.
    """

    def __init__(self, file: Path, current: str) -> None:
        self._file, self._key = file, current

    def rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Finished rows by library and name; the last one of each."""
        if not self._file.exists():
            return {}
        found = {}
        for line in self._file.read_text(encoding="utf-8").splitlines():
            row = _parsed(line)
            if row is not None and row.pop("key", None) == self._key:
                found[row["library"], row["name"]] = row
        return found

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row; one write, so that nobody sees half of it unless the machine stops."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"key": self._key, **row}, ensure_ascii=False)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{self._gap()}{line}\n")

    def _gap(self) -> str:
        """A line feed if the last line was cut off, so that the next one is whole."""
        with self._file.open("rb") as file:
            file.seek(0, 2)
            if file.tell() == 0:
                return ""
            file.seek(-1, 2)
            return "" if file.read(1) == b"\n" else "\n"

    def clear(self) -> None:
        """Forget all rows."""
        self._file.unlink(missing_ok=True)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None  # cut off when the sweep was killed; its network is counted again
    return row if isinstance(row, dict) else None
