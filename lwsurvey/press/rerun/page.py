"""A comparison as a page that stands alone."""

from __future__ import annotations

from collections.abc import Iterator

from lwsurvey.press import templates
from lwsurvey.press.rerun import report
from lwsurvey.press.rerun.comparison import Comparison, summary
from lwsurvey.press.rerun.findings import (
    DIFFERS,
    IDENTICAL,
    OUTSIDE,
    PARAMETERS,
    ROUNDING,
    TIMES,
    WITHIN,
    Finding,
)
from lwsurvey.press.rerun.report import closing, loud
from lwsurvey.press.rerun.sides import Compared
from lwsurvey.press.results import notebooks
from lwsurvey.stats import Estimate

MARGIN = 0.06
"""Room at both ends of a drawn band, as a share of its width."""
MEANINGS = {
    IDENTICAL: "The same number, interval and verdict.",
    ROUNDING: "An exact result whose last digits depend on how a machine rounds.",
    WITHIN: "Something trained or sampled, as near to the published value as two runs of this "
    "many repeats are in at least 95 % of all cases.",
    TIMES: "A time, or made of times: other hardware rightly gives another one. The ratio says "
    "how much.",
    PARAMETERS: "The runs were asked for different things, so that no equality is to be expected "
    "and nothing is judged.",
    OUTSIDE: "Trained or sampled, and further away than chance alone explains in at least 95 % "
    "of all cases.",
    DIFFERS: "An exact result that is not the same. No hardware explains that.",
}


def page(compared: Compared, everything: bool = False) -> str:
    """The page; claims that need no attention are folded unless everything is asked for."""
    whole = summary(f for c in compared.comparisons for f in c.findings)
    return templates.render(
        "comparison.html",
        title="Your run, compared",
        views=[view(comparison) for comparison in compared.comparisons],
        names=compared.names,
        remarks=compared.remarks,
        whole=whole,
        closing=closing(compared),
        meanings=MEANINGS,
        everything=everything,
        measurement=report.measurement,
        strip=strip,
        band=report.band,
    )


def view(comparison: Comparison) -> dict[str, object]:
    """What the page shows of a chapter."""
    found = comparison.findings
    return {
        "comparison": comparison,
        "summary": summary(found),
        "runs": list(_runs(comparison)),
        "loud": [finding for finding in found if loud(finding)],
        "quiet": [finding for finding in found if not loud(finding)],
    }


def _runs(comparison: Comparison) -> Iterator[tuple[str, object, object, bool]]:
    """Name, both values, and whether they differ: of the runs and of what they were asked for."""
    mine, published = comparison.mine, comparison.published
    yield "machine", mine.machine(), published.machine(), mine.machine() != published.machine()
    yield "preset", mine.preset, published.preset, mine.preset != published.preset
    for changes in (comparison.parameters, comparison.versions, comparison.hardware):
        for name, (one, other) in changes.items():
            yield name, one, other, True


def strip(finding: Finding) -> dict[str, float | str] | None:
    """Where to draw band, published value and yours with its interval, in percent of a line.

    None if the claim has no band, or if there is nothing to see in it.
    """
    if not finding.band:
        return None
    mine, published = (_estimate(finding, r) for r in (finding.mine, finding.published))
    low, high = (end([*finding.band, getattr(mine, name)]) for end, name in _ENDS)
    if low == high:
        return None
    room = MARGIN * (high - low)
    place = _Place(low - room, high + room)
    return {
        "low": place(finding.band[0]), "high": place(finding.band[1]),
        "published": place(published.value), "mine": place(mine.value),
        "mine_low": place(mine.low), "mine_high": place(mine.high), "band": report.band(finding),
    }  # fmt: skip


_ENDS = ((min, "low"), (max, "high"))


class _Place:
    """From a value to a place on a line, in percent."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.width = low, high - low

    def __call__(self, value: float) -> float:
        return round(100 * (value - self.low) / self.width, 2)


def _estimate(finding: Finding, record: notebooks.Record) -> Estimate:
    measured = notebooks.measurement(record)
    return measured[finding.cell] if isinstance(measured, dict) else measured
