"""Sphinx extension: claims, verdicts and runs on the book's pages, and what works offline."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from lwsurvey.claims.ledger import ledger
from lwsurvey.press import assets, plan, state
from lwsurvey.press.inline_svg import InlineFigures
from lwsurvey.press.pieces import PIECES
from lwsurvey.press.roles import ClaimRole, TallyRole


def setup(app: Sphinx) -> dict[str, object]:
    """Register roles, directives, the transform of figures, and the copying of assets."""
    app.connect("builder-inited", _read_state)
    app.connect("html-page-context", _drop_mathjax, priority=900)  # after it has been added
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
    app.lw_state = state.read(ledger(), source, source, plan.chapters(source))


def _drop_mathjax(app: Sphinx, name: str, template: str, context: dict, doctree: object) -> None:
    """Sphinx loads it on the first page too, because pages in its table of contents use it."""
    if not app.env.get_domain("math").data["has_equations"].get(name, False):
        files = context["script_files"]
        context["script_files"] = [file for file in files if not _is_mathjax(file)]


def _is_mathjax(file: object) -> bool:
    body = getattr(file, "attributes", {}).get("body") or ""
    return "mathjax/" in str(file.filename) or body.startswith("window.MathJax")


def _finish(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        assets.complete(Path(app.outdir), Path(app.srcdir))
