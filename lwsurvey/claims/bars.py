"""The strip of bars: for which thresholds would a claim hold, be open, or fail?

The bar of an inequality is its value less (or plus) its tolerance, so that "no loss of more than
half a point" (at least 0, tolerance 0.5) has the bar -0.5. The bar of an equality is its margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from html import escape

from lwsurvey.claims.judge import FAIL, OPEN, PASS, Verdict, compare_number
from lwsurvey.claims.ledger import Claim, LedgerError
from lwsurvey.claims.words import unit
from lwsurvey.stats import Estimate

WORDS = {PASS: "holds", OPEN: "open", FAIL: "fails"}
OWN = " (the ledger's)"
GLYPHS = {PASS: "✓", OPEN: "?", FAIL: "✕"}
# The colours of the verdicts, for a notebook that is shown without the book's style sheet.
COLOURS = {
    PASS: ("holds", "#2f9466"),
    OPEN: ("inconclusive", "#a67c00"),
    FAIL: ("contradicted", "#d1622b"),
}
WIDTH, TOP, HEIGHT, LETTER, SIDE = 340, 12, 16, 6.2, 14


def checked_bars(claim: Claim, bars: Sequence[float]) -> tuple[float, ...]:
    """The bars in ascending order.

    Raises:
        LedgerError: one is no finite number or stands twice, or the claim has no bar to move.
    """
    if not len(bars):
        return ()
    if claim.scale == "none" or claim.relation in ("table", "fact"):
        raise LedgerError(f"{claim.id}: bars need a claim with one number to compare with")
    for bar in bars:
        number = isinstance(bar, int | float) and not isinstance(bar, bool)
        if not number or not math.isfinite(bar):
            raise LedgerError(f"{claim.id}: the bar {bar!r} is not a finite number")
        if claim.relation == "=" and bar < 0:
            raise LedgerError(f"{claim.id}: its bars are margins, so {bar:g} must not be negative")
    if len(set(bars)) < len(bars):
        raise LedgerError(f"{claim.id}: a bar stands twice among {', '.join(map(str, bars))}")
    return tuple(sorted(bars))


def own_bar(claim: Claim) -> float:
    """The ledger's bar."""
    rule = claim.rule
    margin = rule.margin(rule.value)
    if rule.relation == "=":
        return margin
    # Rounded, because 0.3 - 0.1 is not 0.2 in binary fractions.
    return round(rule.value - margin if rule.relation in (">", ">=") else rule.value + margin, 12)


def outcome_at(claim: Claim, estimate: Estimate, bar: float) -> str:
    """`PASS`, `OPEN` or `FAIL` of the claim if the ledger had asked for this bar."""
    rule = claim.rule
    if rule.relation == "=":
        return compare_number(replace(rule, tolerance=repr(bar)), estimate)
    return compare_number(replace(rule, value=bar, tolerance=""), estimate)


def outcomes(verdict: Verdict) -> dict[float, str]:
    """Outcome of each bar and of the ledger's own, in ascending order."""
    bars = sorted({*verdict.bars, own_bar(verdict.claim)})
    return {bar: outcome_at(verdict.claim, verdict.measured, bar) for bar in bars}


def zones(verdict: Verdict) -> list[tuple[float, float, str]]:
    """Where bars would give which outcome, ascending: from, to (maybe infinite), outcome."""
    claim, e = verdict.claim, verdict.measured
    if claim.relation == "=":
        value = claim.rule.value
        near = max(0.0, e.low - value, value - e.high)
        ends, found = (near, max(abs(e.low - value), abs(e.high - value))), (FAIL, OPEN, PASS)
        edges = (0.0, *ends, math.inf)
    elif claim.relation in (">", ">="):
        edges, found = (-math.inf, e.low, e.high, math.inf), (PASS, OPEN, FAIL)
    else:
        edges, found = (-math.inf, e.low, e.high, math.inf), (FAIL, OPEN, PASS)
    every = zip(edges, edges[1:], found, strict=False)
    return [(low, high, outcome) for low, high, outcome in every if low < high]


def in_words(verdict: Verdict) -> str:
    """Outcome of each bar as a sentence, such as ``-2: holds; -1 (the ledger's): open``."""
    own = own_bar(verdict.claim)
    told = [
        f"{bar:g}{OWN if bar == own else ''}: {WORDS[outcome]}"
        for bar, outcome in outcomes(verdict).items()
    ]
    kind = "Margin" if verdict.claim.relation == "=" else "Bar"
    return f"{kind}{unit(verdict.claim) and ' in' + unit(verdict.claim)}: {'; '.join(told)}."


def strip(verdict: Verdict) -> str:
    """The strip as HTML; its words stand below it, so the drawing itself is decoration."""
    bars, own = list(outcomes(verdict)), own_bar(verdict.claim)
    inner = [x for low, high, _ in zones(verdict) for x in (low, high) if math.isfinite(x)]
    first, last = min(bars + inner), max(bars + inner)
    room = (last - first or 1.0) * 0.12
    if verdict.claim.relation != "=":
        first -= room
    last += room

    def place(x: float) -> float:
        inside = min(max(x, first), last)
        return SIDE + (inside - first) / (last - first) * (WIDTH - 2 * SIDE)

    drawn = [_zone(place(low), place(high), outcome) for low, high, outcome in zones(verdict)]
    drawn += _ticks([(place(bar), bar, bar == own) for bar in bars])
    rows = 1 + max(_rows([(place(bar), f"{bar:g}") for bar in bars]))
    height = TOP + HEIGHT + 4 + 13 * rows
    return (
        f'<svg class="lw-strip" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" aria-hidden="true" '
        f'style="max-width:100%;height:auto" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(drawn)}</svg><br><span>{escape(in_words(verdict))}</span>"
    )


def _zone(left: float, right: float, outcome: str) -> str:
    name, colour = COLOURS[outcome]
    box = (
        f'<rect x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{HEIGHT}" '
        f'style="fill:var(--lw-{name}-tint,{colour}33);stroke:var(--lw-{name}-tile,{colour})"/>'
    )
    if right - left < 2 * LETTER:
        return box
    return box + (
        f'<text x="{(left + right) / 2:.1f}" y="{TOP + 12}" text-anchor="middle" '
        f'style="font:600 11px sans-serif;fill:var(--lw-{name}-text,currentColor)">'
        f"{GLYPHS[outcome]}</text>"
    )


def _ticks(bars: list[tuple[float, float, bool]]) -> list[str]:
    rows = _rows([(x, f"{bar:g}") for x, bar, _ in bars])
    found = []
    for (x, bar, own), row in zip(bars, rows, strict=True):
        weight, wide = (700, 2.5) if own else (400, 1)
        y = TOP + HEIGHT + 14 + 13 * row
        mark = f"M{x - 4:.1f} 2h8l-4 7z" if own else ""
        found.append(
            f'<path d="{mark}" style="fill:currentColor"/>'
            f'<path d="M{x:.1f} {TOP - 3}V{TOP + HEIGHT + 3}" '
            f'style="stroke:currentColor;stroke-width:{wide}"/>'
            f'<text x="{x:.1f}" y="{y}" text-anchor="middle" '
            f'style="font:{weight} 11px sans-serif;fill:currentColor">{bar:g}</text>'
        )
    return found


def _rows(labels: list[tuple[float, str]]) -> list[int]:
    """The line of each label, so that none covers another."""
    ends: list[float] = []
    found = []
    for x, text in labels:
        half = LETTER * (len(text) + 1) / 2
        row = next((i for i, end in enumerate(ends) if end <= x - half), len(ends))
        ends[row : row + 1] = [x + half]
        found.append(row)
    return found
