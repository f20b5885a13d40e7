"""A comparison as plain text of 80 columns, and as JSON for other programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict

from lwsurvey.durations import duration
from lwsurvey.press.rerun.comparison import Change, Comparison, Summary, describe, summary
from lwsurvey.press.rerun.findings import IDENTICAL, ROUNDING, TIMES, WITHIN, Finding
from lwsurvey.press.rerun.recorded import Recorded
from lwsurvey.press.rerun.sides import Compared
from lwsurvey.press.results import notebooks
from lwsurvey.press.results.notebooks import Record
from lwsurvey.stats import CONFIDENCE, Estimate

SCHEMA = 1
"""Version of the JSON; `book/rerun.md` says what its fields mean."""
SHOWN = 4
NO_VALUE = "out of reach"
WIDTH = 80
QUIET = (IDENTICAL, ROUNDING, WITHIN, TIMES)
"""Outcomes that need no words as long as the verdict is the same."""


def text(compared: Compared, everything: bool = False) -> str:
    """All chapters, and all together if there is more than one.

    Args:
        compared: what was found.
        everything: each claim, instead of those that differ.
    """
    mine, theirs = compared.names
    head = "\n".join(_wrapped(f"Yours are {mine}, beside {theirs}.", 0))
    parts = [_chapter(c, everything) for c in compared.comparisons]
    whole = summary(f for c in compared.comparisons for f in c.findings)
    if len(parts) > 1:
        parts.append("\n".join([f"All {len(parts)} chapters", *_wrapped(str(whole), 2)]))
    parts.append(
        "\n".join(line for sentence in closing(compared) for line in _wrapped(sentence, 0))
    )
    return "\n\n".join([head, *parts]) + "\n"


def loud(finding: Finding) -> bool:
    """Whether a claim is worth a reader's attention."""
    return finding.outcome not in QUIET or finding.flipped


def closing(compared: Compared) -> list[str]:
    """What the numbers mean, in sentences; the last one says what remains open."""
    whole = summary(f for c in compared.comparisons for f in c.findings)
    found = list(_chance(whole))
    if whole.unexplained:
        unexplained = ", ".join(whole.unexplained)
        found.append(f"Not explained by hardware, chance or parameters: {unexplained}.")
    if any(c.parameters for c in compared.comparisons):
        return [*found, _not_judged(whole)]
    return found if whole.unexplained else [*found, "Nothing differs that is unexplained."]


def _chance(whole: Summary) -> Iterator[str]:
    if whole.outside:
        yield (
            f"Outside their band: {whole.outside} of the {whole.banded} claims that have one and "
            f"are not identical; chance alone would put at most about "
            f"{whole.expected_outside:.1f} there."
        )
    if whole.bandless:
        yield f"Other values, without an interval on either side: {', '.join(whole.bandless)}."


def _not_judged(whole: Summary) -> str:
    turned = f" ({', '.join(whole.turned)})" if whole.turned else ""
    return (
        f"Not judged, because parameters differ: {len(whole.not_judged)} of {whole.claims} "
        f"claims; of these with another verdict: {len(whole.turned)}{turned}."
    )


def _chapter(comparison: Comparison, everything: bool) -> str:
    lines = [comparison.chapter]
    for name, run in (("yours", comparison.mine), ("published", comparison.published)):
        lines += _wrapped(side(run), 13, f"  {name:11}")
    if comparison.parameters:
        lines += _wrapped(f"other parameters: {describe(comparison.parameters)}", 4, "  ")
    if comparison.versions:
        lines += _wrapped(f"other versions: {describe(comparison.versions)}", 4, "  ")
    if comparison.hardware:
        lines += _wrapped(f"other hardware: {describe(comparison.hardware)}", 4, "  ")
    lines += _wrapped(times(comparison), 4, "  ")
    lines += _wrapped(str(summary(comparison.findings)), 4, "  ")
    for finding in comparison.findings:
        if everything or loud(finding):
            lines += _finding(finding)
    return "\n".join(lines)


def _finding(finding: Finding) -> list[str]:
    verdict = "" if finding.same_verdict or not finding.flipped else ", another verdict"
    lines = [f"  {finding.id}  {finding.outcome}{verdict}"]
    if finding.claim:
        statement = textwrap.shorten(finding.claim.statement, WIDTH - 8, placeholder=" …")
        lines += _wrapped(statement, 8)
    for name, record in (("yours", finding.mine), ("published", finding.published)):
        shown = measurement(finding, record) + (f": {record.verdict}" if record else "")
        lines += _wrapped(shown, 19, f"        {name:11}")
    if expected := band(finding):
        lines += _wrapped(expected, 19, f"        {'band':11}")
    return lines + _wrapped(finding.reason, 8)


def _wrapped(words_: str, indent: int, first: str | None = None) -> list[str]:
    start = " " * indent if first is None else first
    return textwrap.wrap(
        words_, WIDTH, initial_indent=start, subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )  # fmt: skip


def measurement(finding: Finding, record: Record | None) -> str:
    """What a run measured, in a line; of a table the cell that differs most, or the first."""
    if record is None:
        return "not decided"
    value = notebooks.measurement(record)
    if value is None:
        return NO_VALUE
    unit = finding.claim.unit if finding.claim else ""
    unit = "" if unit in ("", "1") or isinstance(value, str) else f" {unit}"
    if isinstance(value, dict):
        return _cells(value, finding.cell) + unit
    return (number(value) if isinstance(value, Estimate) else value) + unit


def _cells(table: dict[str, Estimate], cell: str | None) -> str:
    if cell in table:
        return f"{cell}: {number(table[cell])}"
    shown = ", ".join(f"{name}: {number(table[name])}" for name in list(table)[:SHOWN])
    return shown + (f", … ({len(table)} cells)" if len(table) > SHOWN else "")


def number(estimate: Estimate) -> str:
    """A count with all its digits, anything else with its interval."""
    if estimate.n > 1 or estimate.low < estimate.high:
        return str(estimate)
    value = estimate.value
    return f"{int(value):,}" if float(value).is_integer() else f"{value:.12g}"


def side(run: Recorded) -> str:
    """A run in a line: machine, preset, and the versions that matter most."""
    where = run.provenance
    torch = where.get("packages", {}).get("torch", "unknown")
    versions = f"torch {torch}, Python {where.get('python', 'unknown')}"
    return f"{run.machine()}; preset {run.preset}; {versions}"


def times(comparison: Comparison) -> str:
    """How long your run took beside the published one, and what it measured of times."""
    took, theirs = (duration(run.seconds) for run in (comparison.mine, comparison.published))
    ratio = f" ({comparison.seconds})" if comparison.seconds else ""
    parts = [f"the run took {took}, the published one {theirs}{ratio}"]
    if comparison.times:
        low, high = comparison.times
        parts.append(f"claims about times are ×{low:.3g} to ×{high:.3g} of the published")
    return "; ".join(parts)


def band(finding: Finding) -> str:
    """The band of a sampled claim; empty if it has none."""
    return f"[{finding.band[0]:.4g}, {finding.band[1]:.4g}]" if finding.band else ""


def as_json(compared: Compared) -> str:
    """Every claim of every chapter, with counts of each chapter and of all."""
    whole = summary(f for c in compared.comparisons for f in c.findings)
    content = {
        "schema": SCHEMA,
        "confidence": CONFIDENCE,
        "sides": dict(zip(("mine", "published"), compared.names, strict=True)),
        "remarks": list(compared.remarks),
        "chapters": [_chapter_json(comparison) for comparison in compared.comparisons],
        "summary": _summary_json(whole),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _chapter_json(comparison: Comparison) -> dict[str, object]:
    changed = ("parameters", "versions", "hardware")
    return {
        "chapter": comparison.chapter,
        "mine": _run_json(comparison.mine),
        "published": _run_json(comparison.published),
        "seconds_ratio": comparison.seconds.value if comparison.seconds else None,
        **{name: _changes_json(getattr(comparison, name)) for name in changed},
        "claims": [_claim_json(finding) for finding in comparison.findings],
        "summary": _summary_json(summary(comparison.findings)),
    }


def _run_json(run: Recorded) -> dict[str, object]:
    kept = ("preset", "parameters", "seconds", "provenance")
    return {"machine": run.machine()} | {name: getattr(run, name) for name in kept}


def _changes_json(changes: dict[str, Change]) -> dict[str, dict[str, object]]:
    return {name: {"mine": a, "published": b} for name, (a, b) in changes.items()}


def _claim_json(finding: Finding) -> dict[str, object]:
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
        "ratio": asdict(finding.ratio) if finding.ratio else None,
        "mine": _record_json(finding.mine),
        "published": _record_json(finding.published),
    }


def _record_json(record: Record | None) -> dict[str, object] | None:
    return {"verdict": record.verdict, "measured": record.measured} if record else None


def _summary_json(found: Summary) -> dict[str, object]:
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
