"""Where the book's files are."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
"""Folder of the package."""
INSIDE = "files"
"""Folder of an installed package that holds what else lies in the checkout."""
COMMIT = "COMMIT"
"""File in it that names the commit."""


def root() -> Path:
    """The folder that holds ``data/claims.csv``.

    ``LWSURVEY_ROOT`` wins; otherwise the checkout that this package lies in, otherwise what
    was installed with it, otherwise the first such folder upwards of the working directory.

    Raises:
        FileNotFoundError: there is none; the message says what to do.
    """
    if given := os.environ.get("LWSURVEY_ROOT"):
        candidates = [Path(given)]
    else:
        here = Path.cwd()
        candidates = [PACKAGE.parent, PACKAGE / INSIDE, here, *here.parents]
    for folder in candidates:
        if (folder / "data" / "claims.csv").is_file():
            return folder
    raise FileNotFoundError(
        f"no data/claims.csv in {candidates[0]}"
        + ("" if given else " nor above the working directory")
        + "; run inside a checkout of the book, or set LWSURVEY_ROOT to one"
    )


def data(name: str) -> Path:
    """Path of a file under ``data/``.

    Raises:
        FileNotFoundError: the checkout is incomplete.
    """
    path = root() / "data" / name
    if not path.exists():
        raise FileNotFoundError(f"data/{name} is missing; restore it with: git checkout -- data")
    return path


def made(name: str) -> Path:
    """Where results of a kind are kept: in ``_build``, of the checkout or, if there is none
    because the package is installed, of the working directory.
    """
    found = root()
    installed = found == PACKAGE / INSIDE
    return (Path.cwd() if installed else found) / "_build" / name
