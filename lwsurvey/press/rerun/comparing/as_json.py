"""A comparison as JSON for other programs; `book/rerun.md` says what the fields mean."""

from __future__ import annotations

import json
from dataclasses import asdict

from lwsurvey.press.rerun.comparing.chapters import Change, Comparison, Summary, summary
from lwsurvey.press.rerun.comparing.findings import Finding
from lwsurvey.press.rerun.comparing.intervals import Ratio
from lwsurvey.press.rerun.comparing.sides import Compared
from lwsurvey.press.rerun.recorded import Recorded
from lwsurvey.press.results.notebooks import Record
from lwsurvey.stats import CONFIDENCE

SCHEMA = 1


def as_json(compared: Compared) -> str:
    """Every claim of every chapter, with counts of each chapter and of all."""
    whole = summary(f for c in compared.comparisons for f in c.findings)
    content = {
        "schema": SCHEMA,
        "confidence": CONFIDENCE,
        "sides": dict(zip(("mine", "published"), compared.names, strict=True)),
        "remarks": list(compared.remarks),
        "chapters": [_chapter(comparison) for comparison in compared.comparisons],
        "summary": _summary(whole),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _chapter(comparison: Comparison) -> dict[str, object]:
    changed = ("parameters", "versions", "hardware")
    return {
        "chapter": comparison.chapter,
        "mine": _run(comparison.mine),
        "published": _run(comparison.published),
        "seconds_ratio": comparison.seconds.value if comparison.seconds else None,
        **{name: _changes(getattr(comparison, name)) for name in changed},
        "claims": [_claim(finding) for finding in comparison.findings],
        "summary": _summary(summary(comparison.findings)),
    }


def _run(run: Recorded) -> dict[str, object]:
    kept = ("preset", "parameters", "seconds", "provenance")
    return {"machine": run.machine()} | {name: getattr(run, name) for name in kept}


def _changes(changes: dict[str, Change]) -> dict[str, dict[str, object]]:
    return {name: {"mine": a, "published": b} for name, (a, b) in changes.items()}


def _claim(finding: Finding) -> dict[str, object]:
    claim = finding.claim
    return {
        "id": finding.id,
        "statement": claim.statement if claim else None,
        "unit": claim.unit if claim else None,
        "kind": finding.kind,
        "outcome": finding.outcome,
        "same_verdict": finding.same_verdict,
        "unexplained": finding.unexplained,
        "reason": finding.reason,
        "cell": finding.cell,
        "band": list(finding.band) if finding.band else None,
        "ratio": _ratio(finding.ratio),
        "mine": _record(finding.mine),
        "published": _record(finding.published),
    }


def _ratio(ratio: Ratio | None) -> dict[str, object] | None:
    return asdict(ratio) if ratio else None


def _record(record: Record | None) -> dict[str, object] | None:
    return {"verdict": record.verdict, "measured": record.measured} if record else None


def _summary(found: Summary) -> dict[str, object]:
    return {
        "claims": found.claims,
        "same_verdict": dict(found.same),
        "another_verdict": dict(found.other),
        "one_sided": dict(found.single),
        "unexplained": list(found.unexplained),
        "not_judged": {
            "claims": len(found.not_judged),
            "another_verdict": len(found.turned),
            "turned": list(found.turned),
        },
        "banded": found.banded,
        "outside": found.outside,
        "expected_outside": round(found.expected_outside, 2),
    }
