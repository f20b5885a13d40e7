"""One claim, measured twice: what differs, and whether that is to be expected."""

from __future__ import annotations

from dataclasses import dataclass

from lwsurvey.claims.ledger import Claim
from lwsurvey.press.rerun.comparing.intervals import Ratio
from lwsurvey.press.results.notebooks import Record

EXACT, SAMPLED, TIME, WORDS, NOTHING = "exact", "sampled", "time", "words", "out of reach"
IDENTICAL = "identical"
ROUNDING = "equal up to rounding"
WITHIN = "within the band"
OUTSIDE = "outside the band"
TIMES = "as times may"
PARAMETERS = "other parameters"
DIFFERS = "different"
MINE_ONLY, PUBLISHED_ONLY = "only in yours", "only in the published"
OUTCOMES = (
    IDENTICAL, ROUNDING, WITHIN, TIMES, PARAMETERS, OUTSIDE, DIFFERS, MINE_ONLY, PUBLISHED_ONLY,
)  # fmt: skip


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
        return bool(both) and self.mine.verdict == self.published.verdict

    @property
    def flipped(self) -> bool:
        """Whether both runs conclude, and not the same."""
        return bool(self.mine and self.published) and not self.same_verdict

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
