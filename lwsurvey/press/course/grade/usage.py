"""What ``kernel.py`` wrote about a kernel."""

from __future__ import annotations

import json
from pathlib import Path


def peak(path: Path) -> int | None:
    """MiB of memory at the most, or None if no kernel ran."""
    return json.loads(path.read_text())["peak"] if path.exists() else None


def stopped(path: Path) -> str:
    """Why the kernel was ended, or an empty text."""
    return json.loads(path.read_text())["stopped"] if path.exists() else ""
