"""How values and runs are written, on the terminal as on the page."""

from __future__ import annotations

from lwsurvey.durations import duration
from lwsurvey.press.rerun.comparing.chapters import Comparison
from lwsurvey.press.rerun.comparing.findings import Finding
from lwsurvey.press.rerun.recorded import Recorded
from lwsurvey.press.results import notebooks
from lwsurvey.press.results.notebooks import Record
from lwsurvey.stats import Estimate

SHOWN = 4
NO_VALUE = "out of reach"


def measured(finding: Finding, record: Record | None) -> str:
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
