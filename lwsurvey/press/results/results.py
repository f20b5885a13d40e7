"""Executed notebooks: where they lie, and the facts of the run that each one holds.

Light on purpose: the command line reads results without loading torch or Jupyter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lwsurvey import paths
from lwsurvey.schema import METADATA_KEY, SCHEMA

PUBLISHED = "cpu"
CUSTOM = "+custom"


class ResultError(ValueError):
    """An executed notebook cannot be used; the message says why."""


def runs_folder(preset: str = PUBLISHED) -> Path:
    """Where the executed notebooks of a preset lie."""
    return paths.root() / "_build" / "runs" / preset


def logs_folder(preset: str = PUBLISHED) -> Path:
    """Where the logs of a preset's runs lie."""
    return paths.root() / "_build" / "logs" / preset


def entries(notebook: Mapping, kind: str) -> list[dict]:
    """Our entries of one kind in the outputs' metadata, in the order of the cells.

    Args:
        notebook: an executed notebook, as `nbformat` or `json` reads it.
        kind: ``run``, ``verdict`` or ``figure``.
    """
    outputs = (o for cell in notebook["cells"] for o in cell.get("outputs", ()))
    found = (o.get("metadata", {}).get(METADATA_KEY, {}) for o in outputs)
    return [entry for entry in found if entry.get("type") == kind]


def facts(path: Path) -> dict:
    """What the runner noted about the run that made an executed notebook.

    Raises:
        ResultError: there is none, it is damaged, or it is of another format.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultError("never run") from None
    except (OSError, ValueError):
        raise ResultError("its result cannot be read") from None
    metadata = notebook.get("metadata", {}) if isinstance(notebook, dict) else {}
    found = metadata.get(METADATA_KEY)
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ResultError("its result is of another format")
    return found
