"""What a notebook away from the checkout needs: the package with the data inside, and versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lwsurvey.paths import COMMIT, INSIDE, PACKAGE

# Beside the package itself; the bibliography because a chapter looks a year up.
FILES = ("data", "book/references.bib")
PROJECT = ("pyproject.toml", "README.md", "LICENSE")
HOOK = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
EARLIEST = "315532800"  # 1980 in seconds: the first date that a zip archive can hold


class PackageError(ValueError):
    """The package cannot be made; the message says why."""


def build(root: Path, folder: Path) -> Path:
    """Build the wheel without a network; the same files always give the same wheel.

    Args:
        root: folder with the data; the code is that of this package.
        folder: where to work and to put it.

    Raises:
        PackageError: setuptools failed.
    """
    stage = folder / "stage"
    commit = state(PACKAGE.parent)
    _copy(root, stage)
    (stage / "lwsurvey" / INSIDE / COMMIT).write_text(commit + "\n", encoding="utf-8")
    _pin(stage / "pyproject.toml", commit)
    done = subprocess.run(
        [sys.executable, "-c", HOOK, str(folder)],
        cwd=stage,
        env=os.environ | {"SOURCE_DATE_EPOCH": EARLIEST},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise PackageError(f"the package could not be built: {_last(done.stderr)}")
    return next(folder.glob("*.whl"))


def state(root: Path) -> str:
    """The commit of a checkout, with a mark if what the wheel holds differs from it.

    Without git, or outside a checkout, it is ``unknown``.
    """
    parts = ("lwsurvey", *FILES, *PROJECT)
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", *parts)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("-dirty" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _copy(root: Path, stage: Path) -> None:
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(PACKAGE, stage / PACKAGE.name, ignore=unwanted)
    for name in PROJECT:
        shutil.copy(PACKAGE.parent / name, stage / name)
    for name in FILES:
        source, target = root / name, stage / "lwsurvey" / INSIDE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)


def _pin(project: Path, commit: str) -> None:
    """Put the commit into the version, in the form of a wheel's local version."""
    local = re.sub("^(?=[0-9a-f]{12})", "g", commit).replace("-", ".")
    text = project.read_text(encoding="utf-8")
    text, found = re.subn(r'^(version = ".*)"$', rf'\1+{local}"', text, count=1, flags=re.M)
    if not found:
        raise PackageError('pyproject.toml has no line: version = "..."')
    project.write_text(text, encoding="utf-8")


def _last(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines()[-3:] if line.strip())


BESIDE = ("jupyterlab", "ipykernel")
HEAD = "# What the notebook needs, with the versions and hashes of the book's requirements.lock.\n"
ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.M)
VIA = re.compile(r"^ +#(?: via)?(?: +(?P<parent>\S+))?", re.M)


def requirements(root: Path) -> str:
    """The text of ``requirements.txt``.

    Args:
        root: folder of the checkout.
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
        PackageError: one of them is not in the lock.
    """
    entries = [entry for entry in ENTRY.split(lock) if entry[:1].isalnum()]
    found = {canonicalize_name(name) for name in wanted}
    if missing := found - {_name(entry) for entry in entries}:
        raise PackageError(f"requirements.lock has no {', '.join(sorted(missing))}; make it again")
    while new := {_name(e) for e in entries if found & _parents(e)} - found:
        found |= new
    return "".join(entry for entry in entries if _name(entry) in found)


def _name(entry: str) -> str:
    return canonicalize_name(re.match(r"[A-Za-z0-9._-]+", entry)[0])


def _parents(entry: str) -> set[str]:
    return {canonicalize_name(parent) for parent in VIA.findall(entry) if parent}
