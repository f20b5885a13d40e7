"""Sphinx extension: claims, verdicts and runs on the book's pages, and what works offline."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from lwsurvey.claims.ledger import ledger
from lwsurvey.press.rerun import recorded
from lwsurvey.press.site import assets, state
from lwsurvey.press.site.inline_svg import InlineFigures
from lwsurvey.press.site.pieces import PIECES
from lwsurvey.press.site.roles import ClaimRole, TallyRole
from lwsurvey.press.sources import plan


def setup(app: Sphinx) -> dict[str, object]:
    """Register roles, directives, the transform of figures, and the copying of assets."""
    app.connect("builder-inited", _read_state)
    app.connect("html-page-context", _context, priority=900)  # after MathJax has been added
    app.connect("build-finished", _finish)
    app.add_role("claim", ClaimRole())
    app.add_role("tally", TallyRole())
    for name, directive in PIECES.items():
        app.add_directive(name, directive)
    app.add_post_transform(InlineFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read_state(app: Sphinx) -> None:
    """The staged folder holds the executed notebooks beside the pages."""
    source = Path(app.srcdir)
    known = state.read(ledger(), source, source, plan.chapters(source))
    kept = {"recorded": recorded.everything(), "published": recorded.published_name()}
    app.lw_state = replace(known, **kept)


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
