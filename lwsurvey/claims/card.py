"""A verdict as a card: what was claimed, measured, controlled and excluded, in HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lwsurvey.claims import bars
from lwsurvey.claims.judge import Verdict
from lwsurvey.claims.ledger import SCOPES, Claim
from lwsurvey.claims.words import claimed, excluded, measured_text, number_text, unit
from lwsurvey.schema import NOT_JUDGED
from lwsurvey.stats import Estimate

BASES = {"definition": "by definition", "transcribed": "as printed"}

Row = tuple[str, str]
"""A term and what stands beside it, as HTML."""


def card(verdict: Verdict, more: Sequence[Row] = (), *, page: str = "") -> str:
    """The verdict as a piece of HTML that can be linked to as ``#claim-ID``.

    Args:
        verdict: outcome with its measurement, controls and bars.
        more: further lines, which only the site knows.
        page: address of the ledger's page; with it the card links there and to itself.
    """
    claim = verdict.claim
    rows = [(term, escape(text)) for term, text in _rows(verdict) if text]
    if verdict.bars and verdict.verdict != NOT_JUDGED:
        rows.append(("For other bars", bars.strip(verdict)))
    body = "".join(f"<dt>{escape(k)}</dt><dd>{v}</dd>" for k, v in [*rows, *more])
    name, link = f"<strong>{claim.id}</strong>", ""
    if page:
        name = f'<a href="{page}#{claim.id}" title="Its row in the ledger">{name}</a>'
        link = (
            f' <a class="lw-permalink" href="#claim-{claim.id}" '
            f'aria-label="Link to the card of {claim.id}">¶</a>'
        )
    return (
        f'<div class="lw-verdict lw-{verdict.verdict.replace(" ", "-")}" id="claim-{claim.id}">'
        f'<p><span class="lw-badge">{escape(verdict.verdict)}</span> {_scope(verdict)}'
        f"{name} {escape(claim.statement)}{link}</p><dl>{body}</dl></div>"
    )


def _rows(verdict: Verdict) -> list[Row]:
    """Terms and plain texts; an empty text is left out."""
    claim = verdict.claim
    if claim.scale == "none":
        return [("Claimed", claimed(claim)), ("Why it is out of reach", claim.measure)]
    rows = [
        ("Claimed", claimed(claim)),
        ("Measured", measured_text(verdict)),
        ("The interval excludes", excluded(verdict)),
    ]
    rows += [
        ("Control", f"{k}: {number_text(e, unit(claim))}") for k, e in verdict.controls.items()
    ]
    return [
        *rows,
        ("How", claim.measure),
        ("Right is", claim.correction if verdict.verdict == "erratum" else ""),
        ("Cells that differ", ", ".join(verdict.failed)),
        ("Smallest detectable effect", _detectable(verdict)),
        ("Runs", _sentences(verdict, "runs")),
        ("Disturbed", _sentences(verdict, "note")),
        ("Not judged, because", _sentences(verdict, "unjudged")),
    ]


def scope(claim: Claim) -> str:
    """What a claim was examined on, in two words; empty if it was not."""
    if claim.scale == "none":
        return ""
    found = "real object" if claim.scale == "full" else SCOPES[claim.hardware].split(maxsplit=1)[1]
    return BASES.get(claim.basis) or found.removeprefix("a ")


def _scope(verdict: Verdict) -> str:
    """The scope beside the badge, unless the badge has said it."""
    found = scope(verdict.claim)
    if not found or found in verdict.verdict:
        return ""
    return f'<span class="lw-scope">{found}</span> '


def _detectable(verdict: Verdict) -> str:
    if verdict.verdict != "inconclusive" or not isinstance(verdict.measured, Estimate):
        return ""
    if verdict.measured.detectable is None:
        return ""
    return f"{verdict.measured.detectable:.3g} with {verdict.measured.n} repeats, at 80 % power"


def _sentences(verdict: Verdict, name: str) -> str:
    """What the estimates of a verdict say of themselves, each sentence once."""
    measured = verdict.measured
    estimates = [*measured.values()] if isinstance(measured, dict) else [measured]
    found = [getattr(e, name) for e in estimates if isinstance(e, Estimate)]
    return " ".join(dict.fromkeys(filter(None, found)))
