"""One pure function from a claim and a measurement to a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real

import numpy as np

from lwsurvey.claims.ledger import Claim, LedgerError, Rule
from lwsurvey.schema import NOT_JUDGED
from lwsurvey.stats import CONFIDENCE, Estimate, exact, mean_interval

Measurement = Real | Estimate | Sequence[float] | Mapping[str, object] | str | None

# Rounding of binary fractions must not decide whether 8.45 lies within 8.4 +- 0.05.
SLACK = 1e-12

PASS, FAIL, OPEN = "pass", "fail", "open"


@dataclass(frozen=True)
class Verdict:
    """What a measurement says about a claim.

    Attributes:
        claim: the row of the ledger.
        verdict: one of `lwsurvey.schema.VERDICTS`.
        measured: an estimate; one per cell for a table; a phrase for a fact; None if out of
            reach.
        failed: cells of a table that do not pass, with the relation that the survey states.
        controls: further estimates in the claim's unit by what was held fixed for them, such as
            ``at equal MACs``; they are shown and not judged.
        bars: other thresholds that the ledger could have set, see `lwsurvey.claims.bars`.
    """

    claim: Claim
    verdict: str
    measured: Estimate | dict[str, Estimate] | str | None
    failed: tuple[str, ...] = ()
    controls: Mapping[str, Estimate] = field(default_factory=dict)
    bars: tuple[float, ...] = ()


def judge(claim: Claim, measured: Measurement = None) -> Verdict:
    """Judge a claim by a measurement.

    Args:
        claim: what the survey states.
        measured: a number (exact), two or more repeats, an `Estimate`, for a table a mapping
            from cell to any of these, for a fact a phrase; nothing for a claim out of reach.
            An `Estimate` keeps the interval that it comes with; repeats in the cells of a
            table get wider ones, so that the table as a whole keeps the confidence.

    Raises:
        LedgerError: the measurement is missing, NaN, empty or of the wrong shape.
    """
    if claim.scale == "none":
        if measured is not None:
            raise LedgerError(
                f"{claim.id} is out of reach by its scale, yet something was measured"
            )
        return Verdict(claim, "out of reach", None)
    estimate = _estimate(claim, measured)
    if unjudged(estimate):
        return Verdict(claim, NOT_JUDGED, estimate)
    outcome, failed = _compare(claim.rule, estimate)
    if outcome == PASS:
        verdict = claim.held
    elif outcome == OPEN:
        verdict = "inconclusive"
    else:
        rule = claim.correction_rule
        corrected = rule is not None and _compare(rule, estimate)[0] == PASS
        verdict = "erratum" if corrected else claim.contradicted
    return Verdict(claim, verdict, estimate, failed)


def unjudged(measured: Estimate | dict[str, Estimate] | str | None) -> str:
    """Why a measurement may not decide a claim, each sentence once; empty if it may."""
    found = [*measured.values()] if isinstance(measured, dict) else [measured]
    reasons = (one.unjudged for one in found if isinstance(one, Estimate))
    return " ".join(dict.fromkeys(filter(None, reasons)))


def _estimate(claim: Claim, measured: Measurement) -> Estimate | dict[str, Estimate] | str:
    if claim.relation == "fact":
        if not isinstance(measured, str) or not measured.strip():
            raise LedgerError(
                f"{claim.id} is a fact: the measurement must be a phrase, not {measured!r}"
            )
        return measured.strip()
    if claim.relation != "table":
        return number(claim.id, measured)
    if not isinstance(measured, Mapping):
        raise LedgerError(f"{claim.id} is a table: the measurement must map cells to numbers")
    cells = claim.rule.value
    if missing := sorted(set(cells) - set(measured)):
        raise LedgerError(f"{claim.id}: cells without a measurement: {', '.join(missing)}")
    if extra := sorted(set(map(str, measured)) - set(cells)):
        raise LedgerError(f"{claim.id}: cells that the claim does not have: {', '.join(extra)}")
    # Bonferroni: all cells of a table together are wrong in 5 % of the cases at most.
    confidence = 1 - (1 - CONFIDENCE) / len(cells)
    return {cell: number(f"{claim.id}, cell {cell}", measured[cell], confidence) for cell in cells}


def number(name: str, measured: object, confidence: float = CONFIDENCE) -> Estimate:
    """One number, exact or with its interval.

    Args:
        name: what a complaint calls it.
        measured: a number (exact), two or more repeats, or an `Estimate`, which stays as it is.
        confidence: of the interval of repeats.

    Raises:
        LedgerError: it is no number, NaN, empty or of the wrong shape.
    """
    if isinstance(measured, Estimate):
        return measured
    if measured is None or isinstance(measured, str | bytes | bool | Mapping):
        raise LedgerError(f"{name}: the measurement must be a number or repeats, not {measured!r}")
    try:
        given = np.asarray(measured)
        # Without this, NumPy takes truth values and texts for numbers.
        if given.size and given.dtype.kind not in "iufO":
            raise TypeError(given.dtype)
        array = given.astype(float)
    except (TypeError, ValueError, OverflowError):
        raise LedgerError(f"{name}: the measurement {measured!r} is no number") from None
    if array.size == 0:
        raise LedgerError(f"{name}: the measurement is empty")
    if not np.isfinite(array).all():
        raise LedgerError(f"{name}: the measurement is NaN or infinite in places")
    if array.ndim == 0:
        value = given.item()
        return exact(int(value) if isinstance(value, Integral) else float(array))
    if array.ndim != 1 or array.size < 2:
        raise LedgerError(
            f"{name}: repeats must have the shape (n,) with n >= 2, not {array.shape}"
        )
    return mean_interval(array, confidence)


def _compare(rule: Rule, measured) -> tuple[str, tuple[str, ...]]:
    """Outcome of one rule, and the cells that keep it from passing."""
    if isinstance(measured, str):
        return (PASS if measured == rule.value else FAIL), ()
    if isinstance(measured, dict):
        cells = {
            cell: compare_number(Rule("=", rule.value[cell], rule.tolerance), estimate)
            for cell, estimate in measured.items()
        }
        worst = next((o for o in (FAIL, OPEN) if o in cells.values()), PASS)
        return worst, tuple(cell for cell, outcome in cells.items() if outcome != PASS)
    return compare_number(rule, measured), ()


def compare_number(rule: Rule, estimate: Estimate) -> str:
    """Whether all (`PASS`), part (`OPEN`) or none (`FAIL`) of an interval satisfies a rule."""
    value, margin = rule.value, rule.margin(rule.value)
    # Without a tolerance whole numbers of any size are compared to the last digit.
    reach = margin + SLACK * max(1.0, abs(value)) if margin else 0
    low = -math.inf if rule.relation in ("<", "<=") else value - reach
    high = math.inf if rule.relation in (">", ">=") else value + reach
    if rule.relation in ("<", ">"):
        inside = low < estimate.low and estimate.high < high
        outside = estimate.high <= low or estimate.low >= high
    else:
        inside = low <= estimate.low and estimate.high <= high
        outside = estimate.high < low or estimate.low > high
    return PASS if inside else FAIL if outside else OPEN
