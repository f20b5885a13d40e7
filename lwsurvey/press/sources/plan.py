"""What the book consists of: its pages (``book/_toc.yml``) and its parts (``book/plan.yml``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml


class PlanError(ValueError):
    """The table of contents or the plan is wrong; the message says where."""


@dataclass(frozen=True)
class Part:
    """A part of the book with all chapters that it is to have.

    Attributes:
        number: Roman numeral.
        title: of the part.
        chapters: title by slug, in the order of the book.
    """

    number: str
    title: str
    chapters: dict[str, str]


def parts(book: Path) -> list[Part]:
    """The parts of ``plan.yml`` in a folder.

    Raises:
        PlanError: the file is missing or not of the form that its comment describes.
    """
    entries = _yaml(book / "plan.yml")
    try:
        return [Part(e["part"], e["title"], dict(e["chapters"])) for e in entries]
    except (KeyError, TypeError) as error:
        raise PlanError(f"plan.yml: an entry lacks or misuses {error}") from None


def pages(book: Path) -> list[str]:
    """All document names of ``_toc.yml`` in a folder, the first page first.

    Raises:
        PlanError: the file is missing, malformed, or names a page twice.
    """
    toc = _yaml(book / "_toc.yml")
    if not isinstance(toc, dict) or "root" not in toc:
        raise PlanError("_toc.yml: no root page")
    found = [toc["root"], *_files(toc)]
    if twice := sorted({page for page in found if found.count(page) > 1}):
        raise PlanError(f"_toc.yml: named more than once: {', '.join(twice)}")
    return found


def chapters(book: Path) -> list[str]:
    """Slugs of the chapters: the pages of ``_toc.yml`` that have no Markdown file."""
    return [page for page in pages(book) if not (book / f"{page}.md").is_file()]


def unlisted(root: Path) -> list[str]:
    """Pages and notebooks of a checkout that ``_toc.yml`` does not name: nobody would see them."""
    known = set(pages(root / "book"))
    files = [*(root / "book").glob("*.md"), *(root / "notebooks").glob("*.ipynb")]
    return sorted(str(path.relative_to(root)) for path in files if path.stem not in known)


def _files(entry: object) -> Iterator[str]:
    if isinstance(entry, dict):
        if "file" in entry:
            yield entry["file"]
        for value in entry.values():
            yield from _files(value)
    elif isinstance(entry, list):
        for item in entry:
            yield from _files(item)


def _yaml(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PlanError(f"book/{path.name} is missing") from None
    except yaml.YAMLError as error:
        raise PlanError(f"book/{path.name} cannot be read: {error}") from None
