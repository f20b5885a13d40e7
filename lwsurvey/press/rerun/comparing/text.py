"""A comparison as plain text of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from lwsurvey.press.rerun.comparing import words
from lwsurvey.press.rerun.comparing.chapters import Comparison, Summary, summary, told
from lwsurvey.press.rerun.comparing.findings import IDENTICAL, ROUNDING, TIMES, WITHIN, Finding
from lwsurvey.press.rerun.comparing.sides import Compared

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
        lines += _wrapped(words.side(run), 13, f"  {name:11}")
    if comparison.parameters:
        lines += _wrapped(f"other parameters: {told(comparison.parameters)}", 4, "  ")
    if comparison.versions:
        lines += _wrapped(f"other versions: {told(comparison.versions)}", 4, "  ")
    if comparison.hardware:
        lines += _wrapped(f"other hardware: {told(comparison.hardware)}", 4, "  ")
    lines += _wrapped(words.times(comparison), 4, "  ")
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
        shown = words.measured(finding, record) + (f": {record.verdict}" if record else "")
        lines += _wrapped(shown, 19, f"        {name:11}")
    if band := words.band(finding):
        lines += _wrapped(band, 19, f"        {'band':11}")
    return lines + _wrapped(finding.reason, 8)


def _wrapped(words_: str, indent: int, first: str | None = None) -> list[str]:
    start = " " * indent if first is None else first
    return textwrap.wrap(
        words_, WIDTH, initial_indent=start, subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )  # fmt: skip
