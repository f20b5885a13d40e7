"""Directives whose content the build generates: the ledger, the errata, the picture, ..."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from pybtex.database import Entry, parse_file
from sphinx.util.docutils import SphinxDirective

from lwsurvey.claims.ledger import LedgerError
from lwsurvey.press.site import picture
from lwsurvey.press.site.render import MARK, Renderer
from lwsurvey.press.sources.plan import PlanError


class Piece(SphinxDirective):
    """Base: a generated piece of HTML whose citations become links."""

    def html(self, renderer: Renderer) -> str:
        """The piece; every second part between marks is the key of a citation."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Pieces of HTML with citations between them."""
        try:
            parts = self.html(Renderer(self.env.app.lw_state, Path(self.env.srcdir))).split(MARK)
        except (PlanError, LedgerError) as error:
            raise self.error(str(error)) from None
        found: list[nodes.Node] = []
        for i, part in enumerate(parts):
            found += self._cited(part) if i % 2 else [nodes.raw("", part, format="html")]
        return found

    def _cited(self, key: str) -> list[nodes.Node]:
        inline, messages = self.state.inline_text(f"{{cite:t}}`{key}`", self.lineno)
        return [nodes.inline("", "", *inline), *messages]


class LedgerPiece(Piece):
    """``{ledger}``: the table of all claims."""

    def html(self, renderer: Renderer) -> str:
        """The whole table; sources are named by author and year."""
        entries = parse_file(Path(self.env.srcdir) / "references.bib").entries
        keys = list(renderer.sources.values())
        if missing := [key for key in keys if key not in entries]:
            raise PlanError(f"sources.yml names {', '.join(missing)}, not in references.bib")
        names = {key: _author_year(entries[key]) for key in keys}
        titles = {key: entries[key].fields["title"].strip("{}") for key in keys}
        return renderer.ledger(names, titles)


def _author_year(entry: Entry) -> str:
    last = " ".join(entry.persons["author"][0].last_names).strip("{}")
    return f"{last} {entry.fields['year']}"


class ErrataPiece(Piece):
    """``{errata}``: what the surveys get wrong, with the correction."""

    def html(self, renderer: Renderer) -> str:
        """All errata."""
        return renderer.errata()


class QuestionsPiece(Piece):
    """``{questions}``: what the surveys ask, with the book's answers."""

    def html(self, renderer: Renderer) -> str:
        """All questions, answered or not."""
        return renderer.questions()


class FindingsPiece(Piece):
    """``{findings} C070 C102``: what came out for some claims, as cards."""

    required_arguments = 1
    final_argument_whitespace = True

    def html(self, renderer: Renderer) -> str:
        """A card for each; an unknown or unexamined claim is an error."""
        return renderer.findings(self.arguments[0].split())


class MeaningsPiece(Piece):
    """``{verdict-meanings}``: the verdicts."""

    def html(self, renderer: Renderer) -> str:
        """A definition list."""
        return renderer.meanings()


class EditionPiece(Piece):
    """``{edition}``: hardware, versions, seconds and verdicts of each run."""

    def html(self, renderer: Renderer) -> str:
        """Two or more tables."""
        return renderer.edition()


class RecordedPiece(Piece):
    """``{recorded}``: these runs beside those that were recorded on other machines."""

    def html(self, renderer: Renderer) -> str:
        """Two tables, or a sentence if nothing is recorded."""
        return renderer.recorded()


class MachinesPiece(Piece):
    """``{machines}``: hardware and versions in full."""

    def html(self, renderer: Renderer) -> str:
        """A table with a column for each machine."""
        return renderer.machines()


class PartPiece(Piece):
    """``{part-chapters} I``: the chapters of a part."""

    required_arguments = 1

    def html(self, renderer: Renderer) -> str:
        """A list."""
        return renderer.part(self.arguments[0])


class HeadPiece(Piece):
    """``{chapter-head} SLUG``: download and facts below a chapter's title."""

    required_arguments = 1

    def html(self, renderer: Renderer) -> str:
        """A line."""
        return renderer.head(self.arguments[0])


class CalculatorPiece(Piece):
    """``{calculator}``: what five kinds of convolution cost, for a case that the reader chooses."""

    def html(self, renderer: Renderer) -> str:
        """A form, a table, bars and formulas."""
        return renderer.calculator()


class PicturePiece(Piece):
    """``{verdict-picture}``: a tile for every claim."""

    def html(self, renderer: Renderer) -> str:
        """A figure."""
        return picture.picture(renderer.state)


PIECES = {
    "ledger": LedgerPiece,
    "errata": ErrataPiece,
    "questions": QuestionsPiece,
    "findings": FindingsPiece,
    "verdict-meanings": MeaningsPiece,
    "edition": EditionPiece,
    "recorded": RecordedPiece,
    "machines": MachinesPiece,
    "part-chapters": PartPiece,
    "chapter-head": HeadPiece,
    "calculator": CalculatorPiece,
    "verdict-picture": PicturePiece,
}
