"""Whether another process would compute what this one does."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

from lwsurvey.provenance import PACKAGES

ALIKE = (*PACKAGES, "distributed", "joblib", "pandas")
SHORT = 20
"""Characters of what is worth showing; a hash is not."""


def state() -> dict[str, str]:
    """What must be alike wherever a study computes: versions, and our own source."""
    found = {name: _version(name) for name in ALIKE}
    return {"Python": platform.python_version(), **found, "the source of lwsurvey": _source()}


def differences(facts: Mapping[str, str] | BaseException) -> str:
    """How another process' `state` differs from ours, in words; empty if it does not."""
    if isinstance(facts, BaseException):
        return f"has no lwsurvey that fits ({type(facts).__name__}: {facts})"
    ours = state()
    other = [name for name in ours if facts.get(name) != ours[name]]
    told = [
        f"{name} {facts.get(name)} (here {ours[name]})" if len(ours[name]) < SHORT else name
        for name in other
    ]
    return f"differs in {', '.join(told)}" if told else ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


@cache
def _source() -> str:
    """Of our files as they were when this process first asked: it may hold them in memory."""
    found, package = hashlib.sha256(), Path(__file__).resolve().parents[1]
    for path in sorted(package.rglob("*.py")):
        found.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes())
    return found.hexdigest()
