"""Roles of the book's pages: ``{claim}`` and ``{tally}``."""

from __future__ import annotations

from docutils import nodes
from sphinx.util.docutils import SphinxRole

from lwsurvey.claims.ledger import LedgerError
from lwsurvey.press.site.state import GLYPHS

Result = tuple[list[nodes.Node], list[nodes.system_message]]


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
        tallies = self.env.app.lw_state.tallies()
        if self.text not in tallies:
            message = f"unknown tally {self.text!r}; there are {', '.join(tallies)}"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        return [nodes.Text(tallies[self.text])], []
