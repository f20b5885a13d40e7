"""One chapter, run twice: its claims, and what differs between the runs themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lwsurvey.claims.ledger import Ledger
from lwsurvey.press.rerun import intervals
from lwsurvey.press.rerun.findings import (
    OUTCOMES,
    OUTSIDE,
    TIME,
    WITHIN,
    Context,
    Finding,
    compare_records,
)
from lwsurvey.press.rerun.intervals import Ratio
from lwsurvey.press.rerun.recorded import Recorded
from lwsurvey.stats import CONFIDENCE

# They say where and how a run computes, not what.
PLACE = ("preset", "device", "jobs", "amp")
HARDWARE = ("processor", "gpu", "gpu_memory", "cores", "threads", "system")
SOFTWARE = ("python", "cuda", "driver", "commit")

# With these the same, as all versions but that of the book, fixed seeds draw the same numbers.
USED = ("device", "amp", "gpu")

Change = tuple[object, object]
"""A value in your run and in the published one; None where a run does not have it."""


@dataclass(frozen=True)
class Comparison:
    """Your run of a chapter beside a published one.

    Attributes:
        mine: your run.
        published: the other.
        findings: for each claim, in the order of the ledger.
        parameters: those that differ and say what is computed, by name.
        versions: of Python, packages, driver and book that differ, by name.
        hardware: processor, GPU, threads and so on that differ, and how it was used, by name.
    """

    mine: Recorded
    published: Recorded
    findings: tuple[Finding, ...]
    parameters: dict[str, Change]
    versions: dict[str, Change]
    hardware: dict[str, Change]

    @property
    def chapter(self) -> str:
        """Slug."""
        return self.mine.chapter

    @property
    def seconds(self) -> Ratio | None:
        """How long your run took as a multiple of the published one."""
        return intervals.ratio(self.mine.seconds, self.published.seconds)

    @property
    def times(self) -> tuple[float, float] | None:
        """The smallest and the largest ratio among measured times."""
        found = [f.ratio.value for f in self.findings if f.kind == TIME and f.ratio]
        return (min(found), max(found)) if found else None


def compare_runs(mine: Recorded, published: Recorded, ledger: Ledger) -> Comparison:
    """Compare two runs of one chapter."""
    parameters = _changes(*(_asked(run) for run in (mine, published)))
    versions = _changes(*(_versions(run.provenance) for run in (mine, published)))
    hardware = _changes(*(_hardware(run) for run in (mine, published)))
    drawn = versions.keys() - {"commit"} | hardware.keys() & set(USED)
    fixed = not parameters and not drawn
    context = Context(tuple(parameters), (*versions, *hardware), fixed)
    claims = {claim.id: claim for claim in ledger}
    yours, theirs = ({r.id: r for r in run.records} for run in (mine, published))
    ids = [i for i in claims if i in yours or i in theirs]
    ids += sorted((yours.keys() | theirs.keys()) - claims.keys())
    found = (compare_records(claims.get(i), yours.get(i), theirs.get(i), context) for i in ids)
    return Comparison(mine, published, tuple(found), parameters, versions, hardware)


def _asked(run: Recorded) -> dict[str, object]:
    return {name: value for name, value in run.parameters.items() if name not in PLACE}


def _versions(provenance: dict) -> dict[str, object]:
    return {**provenance.get("packages", {}), **{name: provenance.get(name) for name in SOFTWARE}}


def _hardware(run: Recorded) -> dict[str, object]:
    """Also how it was used; without such a parameter, plainly on the processor."""
    used = {"device": run.parameters.get("device", "cpu"), "amp": run.parameters.get("amp", False)}
    return {name: run.provenance.get(name) for name in HARDWARE} | used


def _changes(mine: dict, published: dict) -> dict[str, Change]:
    return {
        name: (mine.get(name), published.get(name))
        for name in sorted(mine.keys() | published.keys())
        if mine.get(name) != published.get(name)
    }


def describe(changes: dict[str, Change]) -> str:
    """Changes in words, such as ``seeds 12 (published 8)``."""
    return ", ".join(f"{k} {_value(a)} (published {_value(b)})" for k, (a, b) in changes.items())


def _value(value: object) -> str:
    return "none" if value is None else str(value)


@dataclass(frozen=True)
class Summary:
    """How many claims came out how.

    Attributes:
        same: with the same verdict, by outcome.
        other: with another verdict, by outcome.
        single: decided or judged by one run only, by outcome.
        unexplained: claims that neither hardware nor chance nor parameters account for.
        not_judged: claims of which nothing can be said, as the parameters differ.
        turned: those of them that have another verdict.
        banded: claims that are not identical and have a band with room for chance.
        outside: those of them that are outside.
        bandless: claims that differ, and of which neither run has an interval.
    """

    same: Counter
    other: Counter
    single: Counter
    unexplained: tuple[str, ...]
    not_judged: tuple[str, ...]
    turned: tuple[str, ...]
    banded: int
    outside: int
    bandless: tuple[str, ...]

    @property
    def claims(self) -> int:
        """All of them."""
        return sum(map(Counter.total, (self.same, self.other, self.single)))

    @property
    def expected_outside(self) -> float:
        """How many leave their band at most, on average, if nothing but chance is at work."""
        return self.banded * (1 - CONFIDENCE)

    def __str__(self) -> str:
        parts = [f"{self.same.total()} same verdict{_listed(self.same)}"]
        if self.other:
            parts.append(f"{self.other.total()} another verdict{_listed(self.other)}")
        parts += [f"{self.single[name]} {name}" for name in OUTCOMES if self.single[name]]
        return f"{self.claims} claims: {'; '.join(parts)}"


def _listed(counts: Counter) -> str:
    found = ", ".join(f"{counts[name]} {name}" for name in OUTCOMES if counts[name])
    return f" ({found})" if found else ""


def summary(findings: Iterable[Finding]) -> Summary:
    """Count findings."""
    found = list(findings)
    both = [f for f in found if f.mine and f.published]
    banded = [f for f in both if f.outcome in (WITHIN, OUTSIDE) and f.room]
    return Summary(
        Counter(f.outcome for f in both if f.same_verdict),
        Counter(f.outcome for f in both if f.flipped),
        Counter(f.outcome for f in found if not (f.same_verdict or f.flipped)),
        tuple(f.id for f in found if f.unexplained),
        tuple(f.id for f in both if f.not_judged),
        tuple(f.id for f in both if f.not_judged and f.flipped),
        len(banded),
        sum(f.outcome == OUTSIDE for f in banded),
        tuple(f.id for f in both if f.outcome == OUTSIDE and not f.room),
    )
