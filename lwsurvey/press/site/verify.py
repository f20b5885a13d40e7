"""Checks that a finished site is all there: an empty or shrunken one is an error."""

from __future__ import annotations

import json
import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path

from lwsurvey.claims.ledger import Ledger
from lwsurvey.press.results import notebooks
from lwsurvey.press.sources import plan

LEAST_BYTES = {"page": 8_000, "searchindex.js": 2_000, "_static/mathjax/tex-chtml.js": 500_000}
RAW_ROLE = re.compile(r"\{(?:claim|tally|source|cite(?::\w+)?|numref|eq|ref|doc|math)\}`")
UNTEXTED = ("script", "style", "code", "pre")


class Page(HTMLParser):
    """What a check has to know of a page.

    Attributes:
        ids: all ids, in order.
        links: targets of links, images and scripts.
        text: what a reader sees, without code.
        figures: number of numbered figures.
        rows: number of rows with a verdict in the ledger.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text, self.figures, self.rows = "", 0, 0
        self._untexted = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note ids, links and counts."""
        given = dict(attrs)
        self._untexted += tag in UNTEXTED
        self.figures += tag == "figure" and "lw-picture" not in (given.get("class") or "")
        self.rows += tag == "tr" and "data-verdict" in given
        if given.get("id"):
            self.ids.append(given["id"])
        self.links += [given[name] for name in ("href", "src") if given.get(name)]

    def handle_endtag(self, tag: str) -> None:
        """Leave a piece of code."""
        self._untexted -= tag in UNTEXTED

    def handle_data(self, data: str) -> None:
        """Note what is no code."""
        if not self._untexted:
            self.text += data


def problems(site: Path, source: Path, ledger: Ledger, chapters: list[str]) -> list[str]:
    """What is missing or wrong; empty if the site is complete.

    Args:
        site: folder with the built pages.
        source: the staged book that they were built from.
        ledger: all claims.
        chapters: slugs.
    """
    names = plan.pages(source)
    found = [f"{name}.html is missing" for name in names if not (site / f"{name}.html").is_file()]
    if found:
        return found
    pages = {name: Page((site / f"{name}.html").read_text("utf-8")) for name in names}
    found += _sizes(site, names)
    sources = {f"source/{path.stem}": path for path in site.glob("source/*.html")}
    pages |= {name: Page(path.read_text("utf-8")) for name, path in sources.items()}
    for name, page in pages.items():
        found += [f"{name}.html shows a raw role: {role}" for role in RAW_ROLE.findall(page.text)]
        found += _links(site, name, page, pages)
    for slug in chapters:
        found += _chapter(site, source, slug, pages[slug])
    if pages["ledger"].rows != len(ledger):
        found.append(f"the ledger page has {pages['ledger'].rows} rows, not {len(ledger)}")
    return found


def _sizes(site: Path, names: list[str]) -> list[str]:
    least = {name: size for name, size in LEAST_BYTES.items() if name != "page"}
    least |= {f"{name}.html": LEAST_BYTES["page"] for name in names}
    sizes = {name: (site / name).stat().st_size if (site / name).exists() else 0 for name in least}
    return [
        f"{name} has {sizes[name]} bytes, fewer than {size}"
        for name, size in least.items()
        if sizes[name] < size
    ]


def _chapter(site: Path, source: Path, slug: str, page: Page) -> list[str]:
    notebook = json.loads((source / f"{slug}.ipynb").read_text("utf-8"))
    found = [
        f"{slug}.html does not show the verdict on {entry['id']}"
        for entry in notebooks.entries(notebook, "verdict")
        if f"claim-{entry['id']}" not in page.ids
    ]
    figures = len(notebooks.entries(notebook, "figure"))
    if page.figures < figures:
        found.append(f"{slug}.html has {page.figures} figures, the run has {figures}")
    if not (site / "notebooks" / f"{slug}.ipynb").is_file():
        found.append(f"the download of {slug} is missing")
    return found


def _links(site: Path, name: str, page: Page, pages: dict[str, Page]) -> list[str]:
    """Links inside the site whose file or anchor does not exist."""
    found = []
    for link in sorted(set(page.links)):
        if re.match(r"[a-z]+:|//", link):
            continue
        path, _, anchor = link.partition("#")
        path = path.partition("?")[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else ""
        target = (
            path.removesuffix(".html") if path.endswith(".html") else (name if not path else "")
        )
        if path and not (site / path).exists():
            found.append(f"{name}.html links to {link}, which does not exist")
        elif anchor and "=" not in anchor and target in pages and anchor not in pages[target].ids:
            found.append(f"{name}.html links to {link}, which has no such anchor")
    return found
