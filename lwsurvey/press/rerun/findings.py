"""One claim, measured twice: what differs, and whether that is to be expected."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lwsurvey.claims.ledger import Claim
from lwsurvey.press.rerun import intervals
from lwsurvey.press.rerun.intervals import Ratio
from lwsurvey.press.results import notebooks
from lwsurvey.press.results.notebooks import Record
from lwsurvey.schema import NOT_JUDGED, outcome
from lwsurvey.stats import Estimate

EXACT, SAMPLED, TIME, WORDS, NOTHING = "exact", "sampled", "time", "words", "out of reach"
IDENTICAL = "identical"
ROUNDING = "equal up to rounding"
WITHIN = "within the band"
OUTSIDE = "outside the band"
TIMES = "as times may"
BUSY = "not judged on a busy machine"
PARAMETERS = "other parameters"
DIFFERS = "different"
MINE_ONLY, PUBLISHED_ONLY = "only in yours", "only in the published"
OUTCOMES = (
    IDENTICAL, ROUNDING, WITHIN, TIMES, BUSY, PARAMETERS, OUTSIDE, DIFFERS,
    MINE_ONLY, PUBLISHED_ONLY,
)  # fmt: skip

Measurement = Estimate | dict[str, Estimate] | str | None
Cells = dict[str, Estimate]
CHANGED = "changed between the runs"


@dataclass(frozen=True)
class Finding:
    """What two runs say about a claim.

    Attributes:
        id: of the claim.
        claim: its row of the ledger; None if the ledger has none.
        kind: ``exact``, ``sampled``, ``time``, ``words`` or ``out of reach``.
        outcome: one of `OUTCOMES`.
        mine: your record; None if you have none.
        published: the published record; None if there is none.
        reason: why the difference is or is not to be expected; one sentence.
        cell: of a table, the cell that differs most; band and ratio are its.
        band: where your value was to be expected.
        ratio: yours over the published, for a time.
    """

    id: str
    claim: Claim | None
    kind: str
    outcome: str
    mine: Record | None
    published: Record | None
    reason: str
    cell: str | None = None
    band: tuple[float, float] | None = None
    ratio: Ratio | None = None

    @property
    def same_verdict(self) -> bool:
        """Whether both runs conclude the same; not if one of them says nothing."""
        both = self.mine and self.published
        return bool(both) and outcome(self.mine.verdict) == outcome(self.published.verdict)

    @property
    def flipped(self) -> bool:
        """Whether both runs conclude, and not the same; a busy machine may keep one from it."""
        both = self.mine and self.published
        judged = both and NOT_JUDGED not in (self.mine.verdict, self.published.verdict)
        return bool(judged) and not self.same_verdict

    @property
    def not_judged(self) -> bool:
        """Whether nothing can be concluded, because the runs had other parameters."""
        return self.outcome == PARAMETERS

    @property
    def room(self) -> bool:
        """Whether there is a band, and it is wider than a point."""
        return self.band is not None and self.band[0] < self.band[1]

    @property
    def unexplained(self) -> bool:
        """Whether neither hardware nor chance nor parameters account for the difference.

        Outside the band but with the same verdict does not count: of many bands some are left
        by chance, and what the book concludes stands.
        """
        return self.outcome == DIFFERS or (self.outcome == OUTSIDE and self.flipped)


@dataclass(frozen=True)
class Context:
    """Names of what differs between the runs, and may account for a difference.

    Attributes:
        parameters: what the runs were asked for, other than where to compute.
        besides: versions and hardware.
        fixed: parameters, versions and the device are the same, so draws from fixed seeds are.
    """

    parameters: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    fixed: bool = False

    def others(self) -> str:
        """What differs besides parameters, in words."""
        found = ", ".join(self.besides)
        return f"between the runs differ: {found}" if found else "no version or hardware differs"

    def asked(self) -> str:
        """What differs of the parameters, in words."""
        return f"the runs had other parameters ({', '.join(self.parameters)})"


def compare_records(
    claim: Claim | None, mine: Record | None, published: Record | None, context: Context
) -> Finding:
    """Set two records of a claim side by side.

    Args:
        claim: its row of the ledger, if there is one.
        mine: your record, if there is one.
        published: the published record, if there is one.
        context: what may account for a difference.
    """
    if mine is None or published is None:
        return _one_sided(claim, mine, published)
    one, other = notebooks.measurement(mine), notebooks.measurement(published)
    kind, same = _kind(claim, context.fixed, one, other), _same(one, other)
    if NOT_JUDGED in (mine.verdict, published.verdict):
        judged = _judged(BUSY, "it uses several threads, and other processes kept cores busy")
    elif same and outcome(mine.verdict) == outcome(published.verdict):
        judged = _judged(IDENTICAL, "the same on both sides")
    elif same:
        judged = _judged(DIFFERS, f"the same result, judged otherwise: the ledger {CHANGED}")
    elif _shape(one) != _shape(other):
        judged = _shapes(claim, (one, other), context)
    elif kind == WORDS:
        judged = _words(claim, context)
    else:
        judged = _numbers(kind, _cells(one), _cells(other), context)
    return Finding(id=mine.id, claim=claim, kind=kind, mine=mine, published=published, **judged)


def _judged(outcome: str, reason: str) -> dict[str, object]:
    return {"outcome": outcome, "reason": reason}


def _words(claim: Claim | None, context: Context) -> dict[str, object]:
    if claim and claim.hardware:
        return _judged(TIMES, "in words, but about times")
    return _judged(*_differing("a fact", context))


def _shapes(
    claim: Claim | None, pair: tuple[Measurement, Measurement], context: Context
) -> dict[str, object]:
    if context.parameters:
        return _judged(PARAMETERS, f"not the same kind of result, but {context.asked()}")
    if claim and claim.hardware:
        some = " some of it" if all(isinstance(one, dict) for one in pair) else " it"
        return _judged(TIMES, f"a time; only one side could measure{some}")
    return _judged(DIFFERS, f"not the same kind of result: the chapter {CHANGED}")


def _one_sided(claim: Claim | None, mine: Record | None, published: Record | None) -> Finding:
    record = mine or published
    kind = _kind(claim, False, notebooks.measurement(record))
    outcome = MINE_ONLY if mine else PUBLISHED_ONLY
    reason = f"decided {outcome} run: the chapter {CHANGED}"
    return Finding(record.id, claim, kind, outcome, mine, published, reason)


def _kind(claim: Claim | None, fixed: bool, *measured: Measurement) -> str:
    """What may move a result.

    Arithmetic on printed digits has an interval, too, but one repeat: nothing is drawn. What is
    drawn at full scale comes from fixed seeds, so it moves with versions and the device only.
    """
    if all(one is None for one in measured):
        return NOTHING
    if any(isinstance(one, str) or one is None for one in measured):
        return WORDS
    if claim and claim.hardware:
        return TIME
    if claim and claim.scale == "reduced":
        return SAMPLED
    drawn = any(e.n > 1 for one in measured for e in _cells(one).values())
    return SAMPLED if drawn and not (fixed and claim and claim.scale == "full") else EXACT


def _cells(measured: Measurement) -> Cells:
    return measured if isinstance(measured, dict) else {"": measured}


def _shape(measured: Measurement) -> object:
    """What two results must share so that they can be compared at all."""
    return sorted(measured) if isinstance(measured, dict) else type(measured)


def _same(one: Measurement, other: Measurement) -> bool:
    if _shape(one) != _shape(other):
        return False
    if one is None or isinstance(one, str):
        return one == other
    pairs = ((e, _cells(other)[cell]) for cell, e in _cells(one).items())
    return all((a.value, a.low, a.high, a.n) == (b.value, b.low, b.high, b.n) for a, b in pairs)


def _numbers(kind: str, mine: Cells, published: Cells, context: Context) -> dict[str, object]:
    """Outcome, reason, and the cell that differs most with its band or ratio."""
    measure = {TIME: _factor, SAMPLED: intervals.distance}.get(kind, _relative)
    worst = max(mine, key=lambda cell: measure(published[cell], mine[cell]))
    pair = published[worst], mine[worst]
    found: dict[str, object] = {"cell": worst or None}
    if kind == TIME:
        ratio = intervals.estimates_ratio(pair[1], pair[0])
        return found | {"ratio": ratio, "outcome": TIMES, "reason": _time(ratio, context)}
    if kind == SAMPLED:
        band = intervals.band(*pair)
        found["band"] = band if all(map(math.isfinite, band)) else None
        alike, judge = intervals.inside, _sampled
    else:
        alike, judge = _rounds, _exact
    out = [cell for cell in mine if not alike(published[cell], mine[cell])]
    outcome, reason = judge(pair, context) if out else (_ALIKE[kind], _EXPECTED[kind])
    many = f"{len(out)} of {len(mine)} cells: " if out and len(mine) > 1 else ""
    return found | {"outcome": outcome, "reason": many + reason}


_ALIKE = {SAMPLED: WITHIN, EXACT: ROUNDING}
_EXPECTED = {
    SAMPLED: "as far apart as two runs of this many repeats may be",
    EXACT: "binary fractions round otherwise on other machines",
}


def _time(ratio: Ratio | None, context: Context) -> str:
    size = f"{ratio} of the published" if ratio else "no ratio, as a side is not above 0"
    more = f"; {context.asked()}" if context.parameters else ""
    return f"a time, so expected of hardware and load: {size}{more}"


def _rounds(published: Estimate, mine: Estimate) -> bool:
    return mine.n == published.n and all(
        intervals.rounds_to(*pair) for pair in zip(_ends(mine), _ends(published), strict=True)
    )


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _factor(published: Estimate, mine: Estimate) -> float:
    found = intervals.ratio(mine.value, published.value)
    return abs(math.log(found.value)) if found else math.inf


def _relative(published: Estimate, mine: Estimate) -> float:
    """Distance as a share of the larger, so that cells of all sizes can be compared."""
    pairs = zip(_ends(mine), _ends(published), strict=True)
    return max(abs(a - b) / max(abs(a), abs(b)) if a != b else 0.0 for a, b in pairs)


def _exact(_: tuple[Estimate, Estimate], context: Context) -> tuple[str, str]:
    return _differing("an exact result", context)


def _differing(what: str, context: Context) -> tuple[str, str]:
    if context.parameters:
        return PARAMETERS, context.asked()
    return DIFFERS, f"not explained by hardware, {what} must be the same; {context.others()}"


def _sampled(pair: tuple[Estimate, Estimate], context: Context) -> tuple[str, str]:
    if context.parameters:
        return PARAMETERS, f"outside the band, but {context.asked()}"
    times = intervals.distance(*pair)
    if math.isinf(times):
        return OUTSIDE, f"neither run has an interval, so there is no band; {context.others()}"
    far = f"{times:.2g} times as far from the published value as the edge of the band"
    return OUTSIDE, f"{far}; {context.others()}"
