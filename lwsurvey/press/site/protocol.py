"""The page "Changes of protocol": what was changed after a look, before and after.

The entries stand in ``data/protocol.yml``; what the claims give now comes from the runs.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from lwsurvey.claims.ledger import Claim, Ledger
from lwsurvey.claims.words import claimed, measured_text, number_text, unit
from lwsurvey.press.site.state import State
from lwsurvey.press.sources.plan import PlanError
from lwsurvey.schema import VERDICTS
from lwsurvey.stats import Estimate, exact

FILE = "protocol.yml"
KINDS = {
    "design": "The design of a study",
    "measure": "What is measured",
    "bar": "The bar",
    "bars": "Several bars on one number",
}
TEXTS = ("chapter", "kind", "title", "change", "reason")
NUMBERS = ("value", "low", "high", "n")
UNKNOWN = "not recorded"


class ProtocolError(PlanError):
    """An entry of the file cannot be shown; the message says which and why."""


@dataclass(frozen=True)
class Before:
    """What is known of a claim before a change.

    Attributes:
        verdict: one of `lwsurvey.schema.VERDICTS`; empty if it is not recorded.
        estimate: measurement; None if it is not recorded.
        side: words on a measurement of which only these are recorded.
    """

    verdict: str = ""
    estimate: Estimate | None = None
    side: str = ""


@dataclass(frozen=True)
class Change:
    """One entry.

    Attributes:
        date: day of the change, or of the first text that tells of it.
        chapter: slug.
        kind: one of `KINDS`.
        title: heading.
        change: what was changed into what.
        reason: why.
        seeds: whether the seeds were fresh; empty for several bars on one number.
        source: where the figures of before come from; empty for several bars on one number.
        claims: what was before, by claim; nothing is known of several bars on one number.
    """

    date: datetime.date
    chapter: str
    kind: str
    title: str
    change: str
    reason: str
    seeds: str = ""
    source: str = ""
    claims: Mapping[str, Before] = field(default_factory=dict)


def read(path: Path, ledger: Ledger) -> list[Change]:
    """The entries, newest first.

    Raises:
        ProtocolError: the file is no list of entries, or one of them is wrong.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ProtocolError(f"{path.name} cannot be read: {reason}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ProtocolError(f"{path.name} must be a list of entries with fields")
    found = []
    for i, entry in enumerate(entries, 1):
        try:
            found.append(_change(entry, ledger))
        except ValueError as error:
            name = f"entry {i} ({entry.get('title', 'without a title')})"
            raise ProtocolError(f"{path.name}, {name}: {error}") from None
    return sorted(found, key=lambda change: change.date, reverse=True)


def _change(entry: dict, ledger: Ledger) -> Change:
    several = entry.get("kind") == "bars"
    texts = TEXTS if several else (*TEXTS, "seeds", "source")
    if missing := [name for name in texts if not isinstance(entry.get(name), str)]:
        raise ValueError(f"needs a text for {', '.join(missing)}")
    if unknown := entry.keys() - {*texts, "date", "claims"}:
        raise ValueError(f"has unknown fields: {', '.join(sorted(map(str, unknown)))}")
    if type(entry.get("date")) is not datetime.date:
        raise ValueError(f"the date {entry.get('date')!r} is not a day such as 2026-11-30")
    if entry["kind"] not in KINDS:
        raise ValueError(f"kind {entry['kind']!r} is none of {', '.join(KINDS)}")
    claims = entry.get("claims")
    if not claims or not isinstance(claims, list if several else dict):
        raise ValueError(f"claims must be a {'list of ids' if several else 'mapping from ids'}")
    for claim_id in claims:
        if not isinstance(claim_id, str):
            raise ValueError(f"{claim_id!r} is not the id of a claim")
        if ledger[claim_id].chapter != entry["chapter"]:
            raise ValueError(f"{claim_id} belongs to {ledger[claim_id].chapter}")
    known = {c: Before() if several else _before(c, claims[c]) for c in claims}
    return Change(entry["date"], **{name: entry[name].strip() for name in texts}, claims=known)


def _before(claim_id: str, given: object) -> Before:
    if not isinstance(given, dict) or given.keys() - {"verdict", "side", *NUMBERS}:
        raise ValueError(f"{claim_id}: of before, give verdict, {', '.join(NUMBERS)}, or side")
    if "verdict" in given and given["verdict"] not in VERDICTS:
        raise ValueError(f"{claim_id}: verdict {given['verdict']!r} is none of the ledger's")
    numbers = [given[name] for name in NUMBERS if name in given]
    if len(numbers) not in (0, 1, len(NUMBERS)) or (numbers and "value" not in given):
        raise ValueError(f"{claim_id}: a figure is a value, or value, low, high and n")
    if any(isinstance(x, bool) or not isinstance(x, int | float) for x in numbers):
        raise ValueError(f"{claim_id}: {', '.join(NUMBERS)} must be numbers")
    try:
        estimate = Estimate(*numbers) if len(numbers) > 1 else exact(*numbers) if numbers else None
    except ValueError as error:
        raise ValueError(f"{claim_id}: {error}") from None
    return Before(given.get("verdict", ""), estimate, str(given.get("side", "")))


def context(state: State, changes: list[Change]) -> dict[str, object]:
    """What the template shows: changes after a look, and several bars on one number."""
    shown = [
        {
            "change": change,
            "kind": KINDS[change.kind],
            "chapter": state.title(change.chapter),
            "written": change.chapter in state.runs,
            "rows": [_row(state, state.ledger[c], b) for c, b in change.claims.items()],
        }
        for change in changes
    ]
    return {
        "changed": [entry for entry in shown if entry["change"].kind != "bars"],
        "several": [entry for entry in shown if entry["change"].kind == "bars"],
    }


def _row(state: State, claim: Claim, before: Before) -> dict[str, object]:
    examined = claim.id in state.records
    figure = number_text(before.estimate, unit(claim)) if before.estimate else before.side
    return {
        "claim": claim,
        "href": state.href(claim),
        "claimed": claimed(claim),
        "verdict_before": before.verdict,
        "before": figure or UNKNOWN,
        "verdict": state.verdict(claim),
        "after": measured_text(state.judgement(claim)) if examined else "",
    }
