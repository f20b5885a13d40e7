"""On how many recorded machines a verdict is the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lwsurvey.claims.judge import Verdict, judge
from lwsurvey.claims.ledger import Claim, LedgerError
from lwsurvey.claims.words import asked, measured_text
from lwsurvey.press.rerun.recorded import Recorded
from lwsurvey.press.rerun.recording import SMOKE
from lwsurvey.press.results import hardware, notebooks
from lwsurvey.press.results.notebooks import CUSTOM, UNEXAMINED
from lwsurvey.press.site.state import State
from lwsurvey.schema import NOT_JUDGED, outcome
from lwsurvey.stats import Estimate

SAME, DIFFERS, ALONE = "same on all machines", "differs", "one machine only"
KINDS = (SAME, DIFFERS, ALONE)
EXACT = ("derived", "counted", "transcribed", "definition", "")
BASES = (
    ("measured by a clock", ("measured",)),
    ("on networks trained here", ("trained",)),
    ("on random draws", ("sampled",)),
    ("on counts, algebra and looking up", EXACT),
)
"""What verdicts rest on, in words, and the values of the ledger's column."""
ASIDE = {"device", "jobs", "amp", "again"}
"""Parameters that may differ between runs of one design."""
TRAINED = re.compile(r"trained on (.+?) on \d{4}-")
"""Where a run says on which processors its networks were trained."""


@dataclass(frozen=True)
class Agreement:
    """How a claim's verdict in this build stands to the recorded ones.

    Attributes:
        here: verdict of this build.
        machines: number of different machines that decided it, this build's included.
        different: verdicts that are not this build's, by the name of the machine.
    """

    here: str
    machines: int
    different: dict[str, Verdict]

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        if self.different:
            return DIFFERS
        return SAME if self.machines > 1 else ALONE

    @property
    def opposite(self) -> bool:
        """Whether it holds on one machine and is contradicted, or an erratum, on another."""
        found = {outcome(self.here), *(outcome(v.verdict) for v in self.different.values())}
        return "holds" in found and not found.isdisjoint({"contradicted", "erratum"})

    @property
    def short(self) -> str:
        """The same in few words, without machines and measurements."""
        if self.kind == SAME:
            return f"same on {self.machines} of {self.machines}"
        words = ", ".join(dict.fromkeys(v.verdict for v in self.different.values()))
        return f"differs: {words}" if words else "one only"

    def __str__(self) -> str:
        if self.kind == SAME:
            return f"same on {self.machines} of {self.machines} machines"
        if self.kind == ALONE:
            return ALONE
        told = [
            f"{name} says {verdict.verdict}, {measured_text(verdict)}"
            for name, verdict in self.different.items()
        ]
        return f"differs: {'; '.join(told)}"


def agreement(state: State, claim: Claim) -> Agreement | None:
    """What the recorded machines say of a claim; None if this build does not decide it.

    A machine that was too busy to judge it does not count.
    """
    here = state.verdict(claim)
    if here in (UNEXAMINED, NOT_JUDGED):
        return None
    found = {
        name: verdict
        for name, verdict in recorded_verdicts(state, claim).items()
        if verdict.verdict != NOT_JUDGED
    }
    runs = {name: state.recorded[name][claim.chapter] for name in found}
    machines = {_origin(runs[name].machine(), verdict) for name, verdict in found.items()}
    machines.add(_origin(_machine_here(state, claim.chapter), state.judgement(claim)))
    return Agreement(
        here,
        len(machines),
        {_label(name, runs[name]): v for name, v in found.items() if v.verdict != here},
    )


def _origin(machine: str, verdict: Verdict) -> str:
    """The machine that a verdict comes from: of recorded networks the one that trained them."""
    said = verdict.measured.runs if isinstance(verdict.measured, Estimate) else ""
    found = TRAINED.search(said)
    return found[1] if found else machine.partition(", ")[0] if said else machine


def agreements(state: State) -> dict[str, Agreement]:
    """The same for each decided claim, by id."""
    return {claim.id: found for claim in state.ledger if (found := agreement(state, claim))}


def recorded_verdicts(state: State, claim: Claim) -> dict[str, Verdict]:
    """What each recorded hardware says of a claim, by the name of its folder.

    The recorded measurements are judged by the ledger of today, so that a bar that has been
    changed since is no difference between machines; what answers another question is left out.
    """
    return dict(_verdicts(state, claim))


def _verdicts(state: State, claim: Claim) -> Iterator[tuple[str, Verdict]]:
    for name, runs in state.recorded.items():
        run = runs.get(claim.chapter)
        if claim.id not in state.records or run is None or not comparable(state, run):
            continue
        record = next((record for record in run.records if record.id == claim.id), None)
        try:
            if record and record.asked in ("", asked(claim)):
                yield name, judge(claim, notebooks.measurement(record))
        except LedgerError:
            # The row asks for something else than when this was recorded.
            continue


def comparable(state: State, run: Recorded) -> bool:
    """Whether a recorded run is of the design that this build has run.

    Runs of another preset are, except that a smoke run decides nothing; those of the same preset
    with other parameters were recorded before the design changed, or changed by a reader.
    """
    facts = state.runs.get(run.chapter)
    if facts is None or SMOKE in (facts["preset"], run.preset) or run.preset.endswith(CUSTOM):
        return False
    if run.preset != facts["preset"]:
        return True
    here, there = facts["parameters"], run.parameters
    names = (here.keys() | there.keys()) - ASIDE
    return all(name in here and name in there and here[name] == there[name] for name in names)


def _machine_here(state: State, chapter: str) -> str:
    facts = state.runs[chapter]
    return hardware.machine(facts["parameters"], facts["run"]["provenance"])


def _label(name: str, run: Recorded) -> str:
    """Name of a machine, with that of its folder if the two say different things."""
    usual = hardware.slug(run.preset, run.parameters, run.provenance)
    return run.machine() if name == usual else f"{run.machine()} ({name})"


def tallies(state: State) -> dict[str, str]:
    """How many machines there are, and how many verdicts were compared and differ."""
    names = {run.machine() for runs in state.recorded.values() for run in runs.values()}
    names |= {_machine_here(state, chapter) for chapter in state.runs}
    total = by_basis(state)[-1]
    counts = {name: total[name] for name in ("compared", "differing", "opposite")}
    share = total["differing"] / total["compared"] if total["compared"] else 0
    shown = {name: f"{n:,}" for name, n in {"machines": len(names), **counts}.items()}
    return shown | {"differing-share": f"{100 * share:.1f} %"}


def by_basis(state: State) -> list[dict[str, object]]:
    """How many verdicts were compared, differ and are opposites, by what they rest on.

    Returns:
        A row for each of `BASES`, and one for all of them together.
    """
    found = [(state.ledger[name].basis, one) for name, one in agreements(state).items()]
    rows = [_counted(name, [one for of, one in found if of in bases]) for name, bases in BASES]
    return [*rows, _counted("all", [one for _, one in found])]


def _counted(name: str, found: list[Agreement]) -> dict[str, object]:
    return {
        "name": name,
        "compared": sum(one.kind != ALONE for one in found),
        "differing": sum(one.kind == DIFFERS for one in found),
        "opposite": sum(one.opposite for one in found),
    }
