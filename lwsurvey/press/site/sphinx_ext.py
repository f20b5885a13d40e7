"""Sphinx extension: claims, verdicts and runs on the book's pages, and what works offline."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from pybtex.database import Entry, parse_file
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from lwsurvey.claims.ledger import LedgerError, ledger
from lwsurvey.press.site import agreement, assets, source_pages, state, verdicts
from lwsurvey.press.site.inline_svg import InlineFigures
from lwsurvey.press.site.render import MARK, Renderer
from lwsurvey.press.site.state import GLYPHS
from lwsurvey.press.sources import plan
from lwsurvey.press.sources.plan import PlanError

Result = tuple[list[nodes.Node], list[nodes.system_message]]


class Piece(SphinxDirective):
    """A directive whose content the build makes: HTML whose citations become links."""

    pieces: ClassVar[dict[str, Callable[[Renderer, str], str]]] = {
        "ledger": lambda renderer, _: _ledger(renderer),  # the table of all claims
        "errata": lambda renderer, _: renderer.errata(),
        "questions": lambda renderer, _: renderer.questions(),
        "verdict-meanings": lambda renderer, _: renderer.meanings(),
        "verdict-changes": lambda renderer, _: renderer.changes(),
        "verdict-picture": lambda renderer, _: verdicts.figure(renderer.state),
        "edition": lambda renderer, _: renderer.edition(),
        "recorded": lambda renderer, _: renderer.recorded(),
        "protocol": lambda renderer, _: renderer.protocol(),
        "several-bars": lambda renderer, _: renderer.several_bars(),
        "machines": lambda renderer, _: renderer.machines(),
        "calculator": lambda renderer, _: renderer.calculator(),
    }

    def run(self) -> list[nodes.Node]:
        """Pieces of HTML with citations between them."""
        renderer = Renderer(self.env.app.lw_state, Path(self.env.srcdir))
        try:
            made = self.pieces[self.name](renderer, "".join(self.arguments))
        except (PlanError, LedgerError) as error:
            raise self.error(str(error)) from None
        found: list[nodes.Node] = []
        for i, part in enumerate(made.split(MARK)):  # every second one is the key of a citation
            found += self._cited(part) if i % 2 else [nodes.raw("", part, format="html")]
        return found

    def _cited(self, key: str) -> list[nodes.Node]:
        inline, messages = self.state.inline_text(f"{{cite:t}}`{key}`", self.lineno)
        return [nodes.inline("", "", *inline), *messages]


class PieceOf(Piece):
    """The same about something: claims, a part of the book, a chapter."""

    pieces: ClassVar = {
        "findings": lambda renderer, ids: renderer.findings(ids.split()),
        "part-chapters": lambda renderer, number: renderer.part(number),
        "chapter-head": lambda renderer, slug: renderer.head(slug),
        "verdict-table": lambda renderer, slug: renderer.verdicts(slug),
        "counters": lambda renderer, name: renderer.counters(name),
    }
    required_arguments = 1
    final_argument_whitespace = True


def _ledger(renderer: Renderer) -> str:
    """The table of all claims; sources are named by author and year."""
    entries = parse_file(renderer.folder / "references.bib").entries
    keys = list(renderer.sources.values())
    if missing := [key for key in keys if key not in entries]:
        raise PlanError(f"sources.yml names {', '.join(missing)}, not in references.bib")
    names = {key: _author_year(entries[key]) for key in keys}
    titles = {key: entries[key].fields["title"].strip("{}") for key in keys}
    return renderer.ledger(names, titles)


def _author_year(entry: Entry) -> str:
    last = " ".join(entry.persons["author"][0].last_names).strip("{}")
    return f"{last} {entry.fields['year']}"


class ClaimRole(SphinxRole):
    """``{claim}`C069` ``: a link to the cell that decides the claim, with its verdict."""

    def run(self) -> Result:
        """The link; an unknown claim is an error of the build."""
        known = self.env.app.lw_state
        try:
            claim = known.ledger[self.text.strip()]
        except LedgerError as error:
            return [], [self.inliner.reporter.error(str(error), line=self.lineno)]
        verdict = known.verdict(claim)
        link = nodes.reference(
            "", "", internal=True, refuri=known.href(claim), classes=["lw-claim"]
        )
        link["reftitle"] = f"{verdict}: {claim.statement}"
        classes = ["lw-badge", f"lw-{verdict.replace(' ', '-')}"]
        badge = nodes.inline("", "", nodes.Text(f"{GLYPHS[verdict]} {verdict}"), classes=classes)
        link += [nodes.Text(f"{claim.id} "), badge]
        return [link], []


class TallyRole(SphinxRole):
    """``{tally}`erratum` ``: a number that the build counts."""

    def run(self) -> Result:
        """The number; an unknown name is an error of the build."""
        tallies = self.env.app.lw_tallies
        if self.text not in tallies:
            message = f"unknown tally {self.text!r}; there are {', '.join(tallies)}"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        return [nodes.Text(tallies[self.text])], []


def setup(app: Sphinx) -> dict[str, object]:
    """Register roles, directives, the transform of figures, and the copying of assets."""
    app.connect("builder-inited", _read_state)
    app.connect("html-page-context", _context, priority=900)  # after MathJax has been added
    app.connect("build-finished", _finish)
    app.add_role("claim", ClaimRole())
    app.add_role("tally", TallyRole())
    for directive in (Piece, PieceOf):
        for name in directive.pieces:
            app.add_directive(name, directive)
    app.add_post_transform(InlineFigures)
    source_pages.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read_state(app: Sphinx) -> None:
    """The staged folder holds the executed notebooks beside the pages."""
    source = Path(app.srcdir)
    known = state.read(ledger(), source, source, plan.chapters(source))
    app.lw_state = state.with_recorded(known)
    app.lw_tallies = app.lw_state.tallies() | agreement.tallies(app.lw_state)


def _context(app: Sphinx, name: str, template: str, context: dict, tree: object) -> None:
    """What our templates need to know of a page, and no mathematics where there is none."""
    has_equations = app.env.get_domain("math").data["has_equations"].get(name, False)
    context["lw_mathematics"] = has_equations
    context["lw_description"] = _description(tree)
    if not has_equations:  # Sphinx loads it too where its table of contents leads to equations
        files = context["script_files"]
        context["script_files"] = [file for file in files if not _is_mathjax(file)]


def _description(tree: object) -> str:
    """The beginning of a page's first paragraph."""
    found = tree.findall(nodes.paragraph) if tree else ()
    first = next((p.astext() for p in found if isinstance(p.parent, nodes.section)), "")
    return textwrap.shorten(first, 160, placeholder=" …")


def _is_mathjax(file: object) -> bool:
    body = getattr(file, "attributes", {}).get("body") or ""
    return "mathjax/" in str(file.filename) or body.startswith("window.MathJax")


def _finish(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        assets.complete(Path(app.outdir), Path(app.srcdir))
