"""What a claim asks for and what was measured, in a line each."""

from __future__ import annotations

import hashlib
import math

from lwsurvey.claims.judge import Verdict
from lwsurvey.claims.ledger import Claim
from lwsurvey.stats import Estimate

SHOWN = 6
"""Cells of a table that a line names."""
FEWEST = 1e-6
"""Smaller half-widths are printed with an exponent."""
EVEN = 1.5
"""Two sides of an interval that differ by no more than this factor are told as one."""


def asked(claim: Claim) -> str:
    """A key of what is measured for a claim: another for another measure, not for another bar."""
    return hashlib.sha256(f"{claim.measure}\n{claim.unit}".encode()).hexdigest()[:12]


def claimed(claim: Claim) -> str:
    """What the ledger expects, in a line; empty if there is nothing to expect."""
    if claim.scale == "none" or claim.relation == "fact":
        return claim.value
    tolerance = f" ± {claim.tolerance}" if claim.tolerance else ""
    if claim.relation == "table":
        cells = claim.rule.value
        shown = ", ".join(f"{k}: {v:g}" for k, v in list(cells.items())[:SHOWN])
        return f"{shown}{_more(cells)}{unit(claim)}{tolerance}"
    relation = {"=": "", "<=": "≤ ", ">=": "≥ "}.get(claim.relation, f"{claim.relation} ")
    value = f"{int(claim.value):,}" if claim.value.lstrip("-").isdigit() else claim.value
    return f"{relation}{value}{tolerance}{unit(claim)}"


def measured_text(verdict: Verdict) -> str:
    """What was measured, in a line."""
    measured, claim = verdict.measured, verdict.claim
    if measured is None:
        return claim.measure
    if isinstance(measured, str):
        return measured
    if isinstance(measured, dict):
        shown = ", ".join(f"{k}: {number_text(e)}" for k, e in list(measured.items())[:SHOWN])
        return shown + _more(measured) + unit(claim)
    return number_text(measured, unit(claim))


def _more(cells: dict) -> str:
    return f", … ({len(cells)} cells)" if len(cells) > SHOWN else ""


def unit(claim: Claim) -> str:
    """The unit of a claim with the space before it; empty if it has none."""
    return "" if claim.unit in ("", "1") else f" {claim.unit}"


def number_text(estimate: Estimate, unit: str = "") -> str:
    """One number, such as ``-0.02 [-2.70, 2.70] points (n = 5)``; an exact one alone.

    An interval is printed with as many digits as its half-width has in its first two. What may
    not be judged is printed without one, because it does not cover what is wrong with the value.
    """
    if estimate.unjudged:
        return f"{estimate.value:.3g}{unit}, without an interval (n = {estimate.n})"
    if estimate.n > 1:
        value, low, high = (
            rounded(x, estimate) for x in (estimate.value, estimate.low, estimate.high)
        )
        return f"{value} [{low}, {high}]{unit} (n = {estimate.n})"
    if float(estimate.value).is_integer():
        return f"{int(estimate.value):,}{unit}"
    return f"{estimate.value:.6g}{unit}"


def rounded(x: float, estimate: Estimate, to=round) -> str:
    """A number with the digits that an estimate's interval supports.

    Args:
        x: number to print.
        estimate: source of the interval; without a width it supports four digits.
        to: `round`, or `math.floor` or `math.ceil` for an end that must not move inwards.
    """
    half = (estimate.high - estimate.low) / 2
    if half < FEWEST:
        return f"{x:,.4g}"
    places = 1 - math.floor(math.log10(half))
    # What binary fractions add behind the last digit must not carry a ceiling up by one.
    moved = to(round(x * 10.0**places, 6)) / 10.0**places
    return f"{moved + 0.0:,.{max(places, 0)}f}"


def excluded(verdict: Verdict) -> str:
    """What the interval of an inconclusive or contradicted claim rules out; empty without one."""
    e, claim = verdict.measured, verdict.claim
    if not isinstance(e, Estimate) or e.n < 2 or e.low == e.high:
        return ""
    low, high = rounded(e.low, e, math.floor), rounded(e.high, e, math.ceil)
    if verdict.verdict.startswith("contradicted"):
        upwards = claim.relation in (">", ">=") or (
            claim.relation == "=" and e.high < claim.rule.value
        )
        return f"{high}{unit(claim)} or more" if upwards else f"{low}{unit(claim)} or less"
    if verdict.verdict != "inconclusive":
        return ""
    if not e.low < 0 < e.high:
        return f"values below {low} and above {high}{unit(claim)}"
    larger, smaller = max(-e.low, e.high), min(-e.low, e.high)
    if larger > EVEN * smaller:
        return f"an effect below {low} or above {high}{unit(claim)}"
    return f"an effect larger than {rounded(larger, e, math.ceil)}{unit(claim)} either way"
