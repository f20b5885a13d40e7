"""What students install, cut out of the book's lock file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lwsurvey.press.course.errors import CourseError

BESIDE = ("jupyterlab", "ipykernel")
HEAD = "# What the notebook needs, with the versions and hashes of the book's requirements.lock.\n"
ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.M)
VIA = re.compile(r"^ +#(?: via)?(?: +(?P<parent>\S+))?", re.M)


def of_students(root: Path) -> str:
    """The text of their ``requirements.txt``.

    Args:
        root: of the checkout.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(text).name for text in project["dependencies"]]
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    return HEAD + closure(lock, (*wanted, *BESIDE))


def closure(lock: str, wanted: Iterable[str]) -> str:
    """The entries of packages and of all that they need, as the lock's own comments say it.

    Args:
        lock: what ``uv pip compile`` wrote, with a comment ``# via`` at each package.
        wanted: names of packages.

    Raises:
        CourseError: one of them is not in the lock.
    """
    entries = [entry for entry in ENTRY.split(lock) if entry[:1].isalnum()]
    found = {canonicalize_name(name) for name in wanted}
    if missing := found - {_name(entry) for entry in entries}:
        raise CourseError(f"requirements.lock has no {', '.join(sorted(missing))}; make it again")
    while new := {_name(e) for e in entries if found & _parents(e)} - found:
        found |= new
    return "".join(entry for entry in entries if _name(entry) in found)


def _name(entry: str) -> str:
    return canonicalize_name(re.match(r"[A-Za-z0-9._-]+", entry)[0])


def _parents(entry: str) -> set[str]:
    return {canonicalize_name(parent) for parent in VIA.findall(entry) if parent}
