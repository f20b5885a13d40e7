"""A new chapter in the right shape: ``lwsurvey new SLUG`` fills a mould with its name."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4

from lwsurvey import store
from lwsurvey.claims.ledger import Ledger
from lwsurvey.press.sources import plan
from lwsurvey.press.sources.chapters import ChapterError
from lwsurvey.press.sources.parameters import unknown

TEMPLATES = Path(__file__).resolve().parents[1] / "templates" / "chapter"
CELL = re.compile(r"^%% (?P<id>\S+) (?P<kind>\w+)(?P<more>.*)\n", re.M)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def create(root: Path, slug: str) -> list[Path]:
    """Write the files of a chapter, and its lines in ``presets.yml`` and ``_toc.yml``.

    Args:
        root: the checkout.
        slug: one that ``book/plan.yml`` has, and that has no notebook yet.

    Returns:
        What was written or changed. Nothing is, if anything is refused.

    Raises:
        ChapterError: the plan does not have the chapter, or a file of it is there already.
        lwsurvey.press.sources.plan.PlanError: the plan or the table of contents is wrong.
        lwsurvey.claims.LedgerError: the ledger is wrong.
    """
    part = _part(root, slug)
    if slug in plan.pages(root / "book"):
        raise ChapterError(f"{slug} has a page in book/_toc.yml already")
    name = slug.replace("-", "_")
    claims = Ledger.read(root / "data" / "claims.csv").of_chapter(slug)
    words = {
        "SLUG": slug,
        "PACKAGE": name,
        "TITLE": part.chapters[slug],
        "CLAIMS": "\n".join(f"- {{claim}}`{c.id}`: {c.statement}" for c in claims) or "- none yet",
    }
    before = _before(root, part, slug)
    presets, toc = root / "notebooks" / "presets.yml", root / "book" / "_toc.yml"
    new = _files(root, slug, words) | {
        presets: _with_presets(presets.read_text(encoding="utf-8"), before, words),
        toc: _with_page(toc.read_text(encoding="utf-8"), part, before, slug),
    }
    for path, text in new.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        store.write(path, text)
    return list(new)


def _files(root: Path, slug: str, words: dict[str, str]) -> dict[Path, str]:
    name, purpose = words["PACKAGE"], f"What the chapter {words['TITLE']} needs of its own."
    package = root / "lwsurvey" / "chapters" / name
    new = {
        root / "notebooks" / f"{slug}.ipynb": nbformat.writes(_notebook(words)) + "\n",
        package / "__init__.py": f'"""{purpose}"""\n',
        package / "blocks.py": _filled("blocks", words),
        root / "tests" / "answers" / f"{slug}.py": _filled("answers", words),
        root / "tests" / "chapters" / f"test_{name}.py": _filled("test", words),
    }
    if there := [path for path in new if path.exists()]:
        names = ", ".join(str(path.relative_to(root)) for path in there)
        raise ChapterError(f"{slug} has been begun already: there is {names}")
    return new


def _part(root: Path, slug: str) -> plan.Part:
    parts = plan.parts(root / "book")
    found = next((part for part in parts if slug in part.chapters), None)
    if found is None:
        slugs = [slug for part in parts for slug in part.chapters]
        raise ChapterError(f"book/plan.yml: {unknown('chapter', slug, slugs)}; add it there first")
    return found


def _filled(name: str, words: dict[str, str]) -> str:
    text = (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _notebook(words: dict[str, str]) -> NotebookNode:
    """The notebook of a template: ``%% ID KIND ...`` begins a cell.

    Kinds: ``markdown``; ``code``, with its tags; of exercises ``answer GRADE_ID``, ``test
    GRADE_ID POINTS`` and ``words GRADE_ID POINTS``.
    """
    _, *parts = CELL.split(_filled("notebook", words))
    cells = zip(parts[::4], parts[1::4], parts[2::4], parts[3::4], strict=True)
    made = [_cell(name, kind, more.split(), text.strip()) for name, kind, more, text in cells]
    return v4.new_notebook(cells=made, metadata={"kernelspec": KERNEL})


def _cell(name: str, kind: str, more: list[str], source: str) -> NotebookNode:
    if kind == "markdown":
        return v4.new_markdown_cell(source, id=name)
    if kind == "code":
        return v4.new_code_cell(source, id=name, metadata={"tags": more} if more else {})
    written, graded = kind == "words", kind != "answer"
    grading = {
        "cell_type": "markdown" if written else "code", "grade": graded, "grade_id": more[0],
        "locked": kind == "test", "schema_version": 3, "solution": kind != "test", "task": False,
    }  # fmt: skip
    grading |= {"points": int(more[1])} if graded else {}
    if written:
        return v4.new_markdown_cell(source, id=name, metadata={"nbgrader": grading})
    tags = ["hide-input", "exercise"] if kind == "answer" else ["remove-cell"]
    return v4.new_code_cell(source, id=name, metadata={"nbgrader": grading, "tags": tags})


def _before(root: Path, part: plan.Part, slug: str) -> str | None:
    """The nearest chapter of the part that stands before a new one and is written."""
    pages, slugs = plan.pages(root / "book"), list(part.chapters)
    written = [other for other in slugs[: slugs.index(slug)] if other in pages]
    return written[-1] if written else None


def _with_presets(text: str, before: str | None, words: dict[str, str]) -> str:
    entry = _filled("presets", words)
    found = re.search(rf"^{re.escape(before)}:\n(?:[ #].*\n)*", text, re.M) if before else None
    place = found.end() if found else len(text)
    return text[:place] + entry + text[place:]


def _with_page(text: str, part: plan.Part, before: str | None, slug: str) -> str:
    """The table of contents with the page behind ``before``, or first of its part."""
    if found := before and re.search(rf"^( *)- file: {re.escape(before)}\n", text, re.M):
        return text[: found.end()] + f"{found[1]}- file: {slug}\n" + text[found.end() :]
    page = f"      - file: {slug}\n"
    heading = rf"^  - caption: {part.number} · .*\n(?:    .*\n)*"
    if opened := re.search(heading, text, re.M):
        numbered = "  - numbered: 1\n    chapters:\n"
        if text.startswith(numbered, opened.end()):
            place = opened.end() + len(numbered)
            return text[:place] + page + text[place:]
        return text[: opened.end()] + numbered + page + text[opened.end() :]
    new = f"  - caption: {part.number} · {part.title}\n    numbered: 1\n    chapters:\n{page}"
    later = re.search(r"^  - caption: V · ", text, re.M)
    place = later.start() if later else len(text)
    return text[:place] + new + text[place:]
