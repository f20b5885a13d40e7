"""The ledger: every claim of the surveys, read from ``data/claims.csv``."""

from __future__ import annotations

import csv
import difflib
import json
import math
import sys
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

from lwsurvey import paths
from lwsurvey.schema import VERDICTS

RELATIONS = ("=", "<=", ">=", "<", ">", "table", "fact")
SCALES = ("full", "reduced", "none")
BASES = ("derived", "counted", "measured", "trained", "sampled", "transcribed", "definition")
ORIGINS = ("survey", "paper", "library")
HARDWARE = ("", "yes", "stand-in")
ROLES = {
    "test": "tests", "look-up": "look-ups and transcriptions", "definition": "definitions",
    "repetition": "repetitions", "out of reach": "out of reach",
}  # fmt: skip
"""What a row counts as once it is examined -> the same for several rows."""
KINDS = (
    "definition", "formula", "number", "ordering", "qualitative", "architecture-table", "citation",
    "question", "wording", "existence",
)  # fmt: skip
EXISTENCE = KINDS[-1]
"""Something might, can or need not be: one example proves it, no failed search refutes it."""
SCOPES = {"": "at reduced scale", "yes": "on this hardware", "stand-in": "on a stand-in device"}
"""Column ``hardware`` -> what a verdict of a reduced experiment says that it is about."""

Value = float | str | dict[str, float] | None


class LedgerError(ValueError):
    """The ledger, or a use of it, is wrong; the message says where and what to do."""


@dataclass(frozen=True)
class Rule:
    """What a measurement must satisfy.

    Attributes:
        relation: one of `RELATIONS`.
        value: number; for ``table`` a number per cell; for ``fact`` a phrase.
        tolerance: allowed distance, as written: ``"0.05"``, ``"5%"`` of the value, or ``""``.
    """

    relation: str
    value: Value
    tolerance: str = ""

    def margin(self, value: float) -> float:
        """The tolerance in the unit of ``value``."""
        if self.tolerance.endswith("%"):
            return float(self.tolerance[:-1]) / 100 * abs(value)
        return float(self.tolerance or 0)


@dataclass(frozen=True)
class Claim:
    """A row of the ledger; the columns are described in ``data/README.md``."""

    id: str
    source: str
    section: str
    chapter: str
    kind: str
    statement: str
    measure: str
    relation: str
    value: str
    unit: str
    tolerance: str
    tolerance_reason: str
    scale: str
    hardware: str
    basis: str
    same_as: str
    verdict: str
    origin: str
    correction: str
    correction_relation: str
    correction_value: str
    correction_tolerance: str
    citation: str

    @property
    def role(self) -> str:
        """What the row counts as once it is examined, one of `ROLES`.

        A test could have come out otherwise, and no other row has its number.
        """
        if self.scale == "none":
            return "out of reach"
        if self.same_as:
            return "repetition"
        return {"transcribed": "look-up", "definition": "definition"}.get(self.basis, "test")

    @property
    def held(self) -> str:
        """The verdict if the measurement satisfies the claim."""
        return self._scoped("holds")

    @property
    def contradicted(self) -> str:
        """The verdict if the measurement excludes the claim and no correction passes."""
        return "inconclusive" if self.kind == EXISTENCE else self._scoped("contradicted")

    def _scoped(self, outcome: str) -> str:
        return outcome if self.scale == "full" else f"{outcome} {SCOPES[self.hardware]}"

    @property
    def rule(self) -> Rule:
        """What the survey says that the measurement gives."""
        return Rule(self.relation, _parse(self.relation, self.value), self.tolerance)

    @property
    def correction_rule(self) -> Rule | None:
        """What the corrected statement says, if the claim has a correction."""
        if not self.correction_value:
            return None
        relation = self.correction_relation or self.relation
        tolerance = self.correction_tolerance or self.tolerance
        return Rule(relation, _parse(relation, self.correction_value), tolerance)


COLUMNS = tuple(f.name for f in fields(Claim))


def _parse(relation: str, text: str) -> Value:
    if relation == "fact":
        return text
    value = json.loads(text, object_pairs_hook=_cells)
    if relation != "table":
        return _finite(value)
    if not isinstance(value, dict) or not value:
        raise ValueError("a table must be a JSON object with one number or more")
    return {cell: _finite(number) for cell, number in value.items()}


def _cells(pairs: list[tuple[str, object]]) -> dict[str, object]:
    cells = dict(pairs)
    if len(cells) < len(pairs):
        raise ValueError("a cell of the table appears twice")
    return cells


def _finite(value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) <= sys.float_info.max:
        raise ValueError(f"{value!r} is no finite number")
    return value


def _problem(claim: Claim) -> str | None:
    """Why this row cannot be judged, or None."""
    if claim.kind not in KINDS:
        return f"kind {claim.kind!r} is none of {', '.join(KINDS)}"
    if claim.scale not in SCALES:
        return f"scale {claim.scale!r} is none of {', '.join(SCALES)}"
    if claim.verdict and claim.verdict not in VERDICTS:
        return f"verdict {claim.verdict!r} is none of {', '.join(VERDICTS)}"
    if claim.hardware not in HARDWARE or (claim.hardware and claim.scale != "reduced"):
        return "hardware is empty, or yes or stand-in for a claim of scale reduced"
    if claim.verdict not in ("", *_verdicts(claim)):
        return f"verdict {claim.verdict!r} does not fit its scale: {', '.join(_verdicts(claim))}"
    if not claim.statement or not claim.measure or not claim.chapter or not claim.source:
        return "statement, measure, chapter and source must not be empty"
    return (None if claim.scale == "none" else _rule_problem(claim)) or _evidence_problem(claim)


def _verdicts(claim: Claim) -> tuple[str, ...]:
    """The verdicts that a row of this scale can get."""
    if claim.scale == "none":
        return ("out of reach",)
    found = claim.held, "inconclusive", claim.contradicted
    return found if claim.kind == EXISTENCE else (*found, "erratum")


def _evidence_problem(claim: Claim) -> str | None:
    """What is wrong with the columns that say what the verdict rests on, or None."""
    if claim.basis and claim.basis not in BASES:
        return f"basis {claim.basis!r} is none of {', '.join(BASES)}"
    if claim.basis and claim.scale == "none":
        return "a claim out of reach (scale none) rests on nothing; leave its basis empty"
    if claim.verdict and not claim.basis and claim.scale != "none":
        return f"a row with a verdict needs a basis: {', '.join(BASES)}"
    if claim.origin and claim.origin not in ORIGINS:
        return f"origin {claim.origin!r} is none of {', '.join(ORIGINS)}"
    if claim.verdict == "erratum" and not claim.origin:
        return f"an erratum needs an origin, who made the slip: {', '.join(ORIGINS)}"
    if claim.origin and not claim.correction_value:
        return "origin says who made a slip; only a row with a correction has one"
    return None


def _rule_problem(claim: Claim) -> str | None:
    for relation in (claim.relation, claim.correction_relation or claim.relation):
        if relation not in RELATIONS:
            return f"relation {relation!r} is none of {', '.join(RELATIONS)}"
    if not claim.value:
        return "value is empty"
    try:
        rules = list(filter(None, (claim.rule, claim.correction_rule)))
        for rule in rules:
            if rule.relation != "fact" and not 0 <= rule.margin(1.0) < math.inf:
                return "a tolerance must be finite and not negative"
    except ValueError as error:
        return f"value or tolerance cannot be read ({error})"
    if any(_form(rule.value) != _form(claim.rule.value) for rule in rules):
        return "a correction is of the claim's form: a number, a phrase, or a table of its cells"
    equality = claim.relation in ("=", "table")
    if claim.scale == "reduced" and equality and claim.rule.margin(1.0) == 0:
        return "a reduced experiment that claims equality needs a tolerance (its margin)"
    if claim.kind == EXISTENCE and claim.correction_value:
        return "what might or can be is not refuted by a measurement, so it has no correction"
    if (claim.verdict == "erratum") != bool(claim.correction_value) and claim.verdict:
        return "an erratum needs a correction_value, and only an erratum has one"
    return None


def _form(value: Value) -> object:
    return set(value) if isinstance(value, dict) else type(value) is str


class Ledger:
    """All claims, by id, in the order of the file.

    Raises:
        LedgerError: a column is missing, an id is not unique, or a row cannot be judged.
    """

    def __init__(self, claims: list[Claim]) -> None:
        self._claims: dict[str, Claim] = {}
        for claim in claims:
            if claim.id in self._claims:
                raise LedgerError(f"{claim.id}: the id appears twice in the ledger")
            if problem := _problem(claim):
                raise LedgerError(f"{claim.id}: {problem}")
            self._claims[claim.id] = claim
        for claim in claims:
            if claim.same_as and (problem := self._repetition_problem(claim)):
                raise LedgerError(f"{claim.id}: {problem}")

    def _repetition_problem(self, claim: Claim) -> str | None:
        """What is wrong with the row that a row repeats, or None."""
        first = self._claims.get(claim.same_as)
        if first is None:
            return f"same_as names {claim.same_as}, which is not in the ledger"
        if first is claim:
            return "same_as names the row itself; leave it empty"
        if first.same_as:
            return f"same_as names {first.id}, itself a repetition; name {first.same_as} instead"
        if claim.verdict and not first.verdict:
            return f"same_as names {first.id}, which has no verdict yet, so neither can this row"
        return None

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Read a ledger from a CSV file with the columns `COLUMNS`."""
        try:
            with open(path, newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                columns, rows = tuple(reader.fieldnames or ()), list(reader)
        except (UnicodeDecodeError, csv.Error) as error:
            raise LedgerError(f"{path.name} is no CSV in UTF-8: {error}") from None
        if columns != COLUMNS:
            raise LedgerError(f"{path.name}: the columns must be {', '.join(COLUMNS)}")
        for row in rows:
            if None in row or None in row.values():
                raise LedgerError(f"{path.name}: {row['id']} has too many or too few columns")
        return cls([Claim(**row) for row in rows])

    def __getitem__(self, claim_id: str) -> Claim:
        if claim_id not in self._claims:
            near = difflib.get_close_matches(str(claim_id), self._claims, n=3)
            hint = f"; the nearest ids are {', '.join(near)}" if near else ""
            raise LedgerError(f"unknown claim {claim_id!r}{hint}")
        return self._claims[claim_id]

    def __iter__(self):
        return iter(self._claims.values())

    def __len__(self) -> int:
        return len(self._claims)

    def of_chapter(self, chapter: str) -> list[Claim]:
        """The claims that a chapter decides."""
        return [claim for claim in self if claim.chapter == chapter]


@lru_cache(maxsize=1)
def ledger() -> Ledger:
    """The book's own ledger."""
    return Ledger.read(paths.data("claims.csv"))
