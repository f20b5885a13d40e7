"""What a chapter calls: begin a run, and check claims in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from html import escape

from IPython.display import display

from lwsurvey.claims.bars import checked_bars
from lwsurvey.claims.card import card
from lwsurvey.claims.judge import Measurement, Verdict, judge, number
from lwsurvey.claims.ledger import Claim, LedgerError, ledger
from lwsurvey.claims.words import asked
from lwsurvey.schema import METADATA_KEY, SCHEMA
from lwsurvey.stats import Estimate

_run: dict[str, object] = {}


def begin(chapter: str, *, preset: str, **parameters: object) -> None:
    """Open a chapter's run: later checks belong to it, and its parameters are shown.

    Args:
        chapter: slug, the notebook's file name without its suffix.
        preset: ``smoke``, ``cpu``, ``gpu``, or a name of your own.
        parameters: what the run depends on, as plain values.

    Raises:
        LedgerError: the ledger has no claim for this chapter.
    """
    # Here, because the press imports this module too, and torch takes seconds to load.
    from lwsurvey.parallel import machines
    from lwsurvey.provenance import provenance

    if not ledger().of_chapter(chapter):
        raise LedgerError(f"the ledger has no claim for a chapter {chapter!r}")
    _run.clear()
    where = provenance(str(parameters.get("device", "cuda")), machines())
    _run.update(chapter=chapter, preset=preset, parameters=parameters, provenance=where)
    _show(_run_html(), f"{chapter}, preset {preset}: {parameters}", {"type": "run", **_run})


def check(
    claim_id: str,
    measured: Measurement = None,
    *,
    controls: Mapping[str, Measurement] | None = None,
    bars: Sequence[float] = (),
) -> Verdict:
    """Judge a claim, show the verdict, and keep it as a record in the cell's output.

    Args:
        claim_id: id in ``data/claims.csv``; the expected value comes from there.
        measured: see `lwsurvey.claims.judge.judge`.
        controls: the same quantity with something else held fixed, by what that is, such as
            ``{"at equal MACs": estimate}``; the card shows them, the verdict does not use them.
        bars: other thresholds than the ledger's (its value less or plus its tolerance; of an
            equality: other margins), fixed before the run; the card shows for which of them the
            claim would hold, be open, or fail.

    Raises:
        LedgerError: unknown claim, claim of another chapter, no `begin` before, or a
            measurement, a control or a bar that cannot be judged.
    """
    if not _run:
        raise LedgerError("call claims.begin(chapter, preset=...) before the first check")
    claim = ledger()[claim_id]
    if claim.chapter != _run["chapter"]:
        raise LedgerError(f"{claim_id} belongs to {claim.chapter}, this is {_run['chapter']}")
    verdict = replace(
        judge(claim, measured),
        controls=_controls(claim, controls or {}),
        bars=checked_bars(claim, bars),
    )
    _show(card(verdict), f"{claim_id}: {verdict.verdict}", {**record(verdict), "run": dict(_run)})
    return _Shown(**vars(verdict))


def _controls(claim: Claim, given: Mapping[str, Measurement]) -> dict[str, Estimate]:
    if given and claim.scale == "none":
        raise LedgerError(f"{claim.id} is out of reach, so there is nothing to control")
    if unnamed := [name for name in given if not isinstance(name, str) or not name.strip()]:
        raise LedgerError(
            f"{claim.id}: a control is named by what it holds fixed, such as 'at equal MACs', "
            f"not {unnamed[0]!r}"
        )
    return {name: number(f"{claim.id}, control {name!r}", one) for name, one in given.items()}


class _Shown(Verdict):
    """A verdict that is on the page already, so that ending a cell with it adds nothing."""

    def _ipython_display_(self) -> None:
        return None


def record(verdict: Verdict) -> dict[str, object]:
    """The verdict as plain JSON values."""
    measured = verdict.measured
    if isinstance(measured, Estimate):
        measured = asdict(measured)
    elif isinstance(measured, dict):
        measured = {cell: asdict(estimate) for cell, estimate in measured.items()}
    return {
        "type": "verdict",
        "schema": SCHEMA,
        "id": verdict.claim.id,
        "asked": asked(verdict.claim),
        "verdict": verdict.verdict,
        "measured": measured,
        "failed": list(verdict.failed),
        "controls": {name: asdict(estimate) for name, estimate in verdict.controls.items()},
        "bars": list(verdict.bars),
    }


def _show(html: str, text: str, metadata: dict[str, object]) -> None:
    display({"text/html": html, "text/plain": text}, raw=True, metadata={METADATA_KEY: metadata})


def _run_html() -> str:
    where = _run["provenance"]
    rows = {
        "preset": _run["preset"],
        **_run["parameters"],
        "hardware": where["gpu"] or where["processor"],
        "threads": where["threads"],
        "versions": ", ".join(f"{k} {v}" for k, v in where["packages"].items()),
        "commit": where["commit"],
    }
    body = "".join(
        f"<tr><th scope=row>{escape(k)}</th><td>{escape(str(v))}</td></tr>" for k, v in rows.items()
    )
    return f'<table class="lw-run"><caption>This run</caption><tbody>{body}</tbody></table>'
