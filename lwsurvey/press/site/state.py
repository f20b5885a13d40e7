"""What the book knows at the time of a build: claims, verdicts, parts and runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from lwsurvey.claims.judge import Verdict
from lwsurvey.claims.ledger import ROLES, Claim, Ledger
from lwsurvey.press.rerun import recorded
from lwsurvey.press.rerun.recorded import Recorded
from lwsurvey.press.results import notebooks
from lwsurvey.press.results.notebooks import UNEXAMINED, Record
from lwsurvey.press.sources import plan
from lwsurvey.press.sources.plan import Part, PlanError
from lwsurvey.schema import VERDICTS
from lwsurvey.stats import CONFIDENCE, Estimate

GLYPHS = {
    "holds": "✓",
    "holds at reduced scale": "✓",
    "holds on this hardware": "✓",
    "holds on a stand-in device": "✓",
    "inconclusive": "?",
    "contradicted": "✕",
    "contradicted at reduced scale": "✕",
    "contradicted on this hardware": "✕",
    "contradicted on a stand-in device": "✕",
    "erratum": "≠",
    "out of reach": "○",
    "not judged": "~",
    UNEXAMINED: "·",
}


@dataclass(frozen=True)
class State:
    """Everything that the generated pages show.

    Attributes:
        ledger: all claims.
        records: verdict of each examined claim.
        parts: the plan of the book.
        runs: for each executed chapter its run facts and the provenance of its run.
        recorded: runs that were recorded, by hardware and chapter.
        published: the hardware of the published edition, if there is one.
    """

    ledger: Ledger
    records: dict[str, Record]
    parts: list[Part]
    runs: dict[str, dict] = field(default_factory=dict)
    recorded: dict[str, dict[str, Recorded]] = field(default_factory=dict)
    published: str | None = None

    def verdict(self, claim: Claim) -> str:
        """Verdict of a claim, or that there is none yet."""
        record = self.records.get(claim.id)
        return record.verdict if record else UNEXAMINED

    def href(self, claim: Claim) -> str:
        """Where the claim is decided, or its row in the ledger."""
        if claim.id in self.records:
            return f"{claim.chapter}.html#claim-{claim.id}"
        return f"ledger.html#{claim.id}"

    def judgement(self, claim: Claim) -> Verdict:
        """The verdict of an examined claim with its measurement, read back from its record."""
        record = self.records[claim.id]
        return Verdict(
            claim,
            record.verdict,
            notebooks.measurement(record),
            record.failed,
            notebooks.controls(record),
            record.bars,
        )

    def title(self, slug: str) -> str:
        """Short title of a chapter, written or not."""
        return next(part.chapters[slug] for part in self.parts if slug in part.chapters)

    def counts(self, claims: list[Claim] | None = None) -> Counter:
        """Number of claims by verdict."""
        return Counter(
            self.verdict(claim) for claim in (claims if claims is not None else self.ledger)
        )

    def roles(self) -> Counter:
        """Number of examined claims by what they count as."""
        return Counter(claim.role for claim in self.ledger if claim.id in self.records)

    def tests(self) -> list[Claim]:
        """The examined claims that count as tests."""
        return [c for c in self.ledger if c.id in self.records and c.role == "test"]

    def statistical(self) -> list[Record]:
        """Records that rest on an interval, not on an exact count."""
        return [record for record in self.records.values() if _repeats(record) > 1]

    def tallies(self) -> dict[str, str]:
        """The numbers that pages may put into their sentences, by name."""
        counts, statistical = self.counts(), len(self.statistical())
        asked = [claim for claim in self.ledger if claim.kind == "question"]
        roles, tests = self.roles(), self.counts(self.tests())
        numbers = {
            "claims": len(self.ledger),
            "examined": len(self.records),
            "unexamined": counts[UNEXAMINED],
            "chapters": len(self.runs),
            "statistical": statistical,
            "questions": len(asked),
            "questions-examined": sum(claim.id in self.records for claim in asked),
            **{_name(verdict): counts[verdict] for verdict in VERDICTS},
            **{f"{_name(role)}-examined": roles[role] for role in ROLES},
            **{f"test-{_name(verdict)}": tests[verdict] for verdict in VERDICTS},
        }
        expected = f"{statistical * (1 - CONFIDENCE):.1f}"
        return {**{name: f"{n:,}" for name, n in numbers.items()}, "expected-false": expected}


def read(ledger: Ledger, book: Path, runs: Path, chapters: list[str]) -> State:
    """Read the state from a folder with ``plan.yml`` and one with the executed notebooks.

    Raises:
        PlanError: a claim or a chapter is in no part of the plan.
        ResultError: an executed notebook does not hold what it should.
    """
    parts = plan.parts(book)
    known = {slug for part in parts for slug in part.chapters}
    needed = {claim.chapter for claim in ledger} | set(chapters)
    if unknown := sorted(needed - known):
        raise PlanError(f"plan.yml has no chapter {', '.join(unknown)}")
    facts = {slug: _facts(runs / f"{slug}.ipynb") for slug in chapters}
    found = {r.id: r for slug in chapters for r in notebooks.read_records(runs / f"{slug}.ipynb")}
    return State(ledger, found, parts, facts)


def with_recorded(state: State) -> State:
    """The same with the runs that were recorded on other machines.

    Raises:
        lwsurvey.press.rerun.recorded.RecordedError: one of them cannot be used.
    """
    kept = recorded.read_all()
    return replace(state, recorded=kept, published=recorded.published_name())


def _name(words: str) -> str:
    return words.replace(" ", "-")


def _facts(path: Path) -> dict:
    return {**notebooks.facts(path), "run": notebooks.run_entry(path)}


def _repeats(record: Record) -> int:
    estimate = notebooks.measurement(record)
    if isinstance(estimate, dict):
        return max(cell.n for cell in estimate.values())
    return estimate.n if isinstance(estimate, Estimate) else 0
