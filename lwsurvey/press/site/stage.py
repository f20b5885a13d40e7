"""Puts the pages, the executed notebooks and the downloads into one folder for Sphinx."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat

from lwsurvey.press.site import colours, notebook

KEPT_OUT = shutil.ignore_patterns(".*", "__pycache__")


def stage(root: Path, runs: Path, chapters: list[str], target: Path) -> None:
    """Fill a folder with everything that the site is made from; an old one is replaced.

    Args:
        root: the checkout.
        runs: folder of the executed notebooks.
        chapters: slugs.
        target: folder to fill.

    Raises:
        NotebookError: a notebook cannot be shown or offered.
    """
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(root / "book", target, ignore=KEPT_OUT)
    downloads = target / "extra" / "notebooks"
    downloads.mkdir(parents=True)
    for slug in chapters:
        executed = nbformat.read(runs / f"{slug}.ipynb", as_version=4)
        nbformat.write(notebook.page(executed, slug), target / f"{slug}.ipynb")
        source = nbformat.read(root / "notebooks" / f"{slug}.ipynb", as_version=4)
        nbformat.write(notebook.download(source, slug), downloads / f"{slug}.ipynb")
    (target / "_static" / "verdicts.css").write_text(colours.stylesheet(), encoding="utf-8")
