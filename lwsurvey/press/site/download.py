"""Notebooks to take away: plain Markdown, an install cell, and the package beside them."""

from __future__ import annotations

import copy
import re
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lwsurvey.paths import PACKAGE
from lwsurvey.press import templates
from lwsurvey.press.site import myst, package
from lwsurvey.press.site.myst import Book
from lwsurvey.press.site.notebook import HIDDEN, SOLUTION_MARK, NotebookError

ARCHIVE = "notebooks.zip"
"""All notebooks with the package, in one file."""
HEADING = re.compile(r"^# (?P<title>.+)$", re.M)


def offer(root: Path, slugs: Sequence[str], folder: Path) -> None:
    """Write notebooks, the package's wheel, and an archive of both.

    Args:
        root: folder with the notebooks, the bibliography and the data.
        slugs: chapters.
        folder: where to put them; it exists.

    Raises:
        NotebookError: a notebook cannot be offered.
        PackageError: the wheel cannot be built.
    """
    sources = {s: nbformat.read(root / "notebooks" / f"{s}.ipynb", as_version=4) for s in slugs}
    titles = {slug: _title(source) for slug, source in sources.items()}
    book = Book(titles, myst.references(root / "book" / "references.bib"))
    with tempfile.TemporaryDirectory() as work:
        wheel = Path(shutil.copy(package.build(root, Path(work)), folder))
    for slug, source in sources.items():
        nbformat.write(download(source, slug, book, wheel.name), folder / f"{slug}.ipynb")
    _pack(folder, wheel.name)


def download(source: NotebookNode, slug: str, book: Book, wheel: str) -> NotebookNode:
    """A notebook that reads well anywhere, without hidden tests; ``source`` stays as it is.

    Args:
        source: the notebook without outputs.
        slug: chapter.
        book: what its text refers to.
        wheel: file name of the package.

    Raises:
        NotebookError: a begin of hidden tests has no end, or the other way round.
    """
    notebook = copy.deepcopy(source)
    for cell in notebook.cells:
        cell.source = SOLUTION_MARK.sub("", HIDDEN.sub("", cell.source)).rstrip("\n")
        if "HIDDEN TESTS" in cell.source:
            raise NotebookError(f"{slug}: cell {cell.id}: hidden tests without begin or end")
    notebook = myst.plain(notebook, book)
    text = templates.render("install.txt", wheel=wheel, archive=ARCHIVE).rstrip("\n")
    notebook.cells.insert(1, nbformat.v4.new_code_cell(text, id="install"))
    nbformat.validate(notebook)
    return notebook


def _title(source: NotebookNode) -> str:
    found = HEADING.search(source.cells[0].source) if source.cells else None
    return found["title"].strip() if found else ""


def _pack(folder: Path, wheel: str) -> None:
    """All files of the folder in one archive, with a note and the versions; always the same."""
    note = templates.render("notebooks.md", wheel=wheel)
    texts = {"README.md": note, "requirements.txt": package.requirements(PACKAGE.parent)}
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    contents |= {name: text.encode() for name, text in texts.items()}
    with zipfile.ZipFile(folder / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(contents.items()):
            archive.writestr(zipfile.ZipInfo(f"notebooks/{name}"), content, zipfile.ZIP_DEFLATED)
