"""What a chapter calls: begin a run, and check claims in it."""

from __future__ import annotations

from dataclasses import asdict
from html import escape

from IPython.display import display

from lwsurvey.claims.judge import Measurement, Verdict, judge
from lwsurvey.claims.ledger import Claim, LedgerError, ledger
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


def check(claim_id: str, measured: Measurement = None) -> Verdict:
    """Judge a claim, show the verdict, and keep it as a record in the cell's output.

    Args:
        claim_id: id in ``data/claims.csv``; the expected value comes from there.
        measured: see `lwsurvey.claims.judge.judge`.

    Raises:
        LedgerError: unknown claim, claim of another chapter, no `begin` before, or a
            measurement that cannot be judged.
    """
    if not _run:
        raise LedgerError("call claims.begin(chapter, preset=...) before the first check")
    claim = ledger()[claim_id]
    if claim.chapter != _run["chapter"]:
        raise LedgerError(f"{claim_id} belongs to {claim.chapter}, this is {_run['chapter']}")
    verdict = judge(claim, measured)
    _show(card(verdict), f"{claim_id}: {verdict.verdict}", {**record(verdict), "run": dict(_run)})
    return _Shown(**vars(verdict))


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
        "verdict": verdict.verdict,
        "measured": measured,
        "failed": list(verdict.failed),
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


def card(verdict: Verdict) -> str:
    """The verdict as a piece of HTML that can be linked to as ``#claim-ID``."""
    claim = verdict.claim
    slug = verdict.verdict.replace(" ", "-")
    rows = [("Claimed", claimed(claim))] if claimed(claim) else []
    if claim.scale == "none":
        rows.append(("Why it is out of reach", claim.measure))
    else:
        rows += [("Measured", measured_text(verdict)), ("How", claim.measure)]
    if verdict.verdict == "erratum":
        rows.append(("Right is", claim.correction))
    if verdict.failed:
        rows.append(("Cells that differ", ", ".join(verdict.failed)))
    if detectable := _detectable(verdict):
        rows.append(("Smallest effect this could have seen", detectable))
    if notes := _notes(verdict):
        rows.append(("Disturbed", notes))
    body = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in rows)
    return (
        f'<div class="lw-verdict lw-{slug}" id="claim-{claim.id}">'
        f'<p><span class="lw-badge">{escape(verdict.verdict)}</span> '
        f"<strong>{claim.id}</strong> {escape(claim.statement)}</p><dl>{body}</dl></div>"
    )


def claimed(claim: Claim) -> str:
    """What the ledger expects, in a line; empty if there is nothing to expect."""
    if claim.scale == "none" or claim.relation == "fact":
        return claim.value
    unit = "" if claim.unit in ("", "1") else f" {claim.unit}"
    tolerance = f" ± {claim.tolerance}" if claim.tolerance else ""
    if claim.relation == "table":
        cells = claim.rule.value
        shown = ", ".join(f"{k}: {v:g}" for k, v in list(cells.items())[:6])
        more = f", … ({len(cells)} cells)" if len(cells) > 6 else ""
        return f"{shown}{more}{unit}{tolerance}"
    relation = {"=": "", "<=": "≤ ", ">=": "≥ "}.get(claim.relation, f"{claim.relation} ")
    value = f"{int(claim.value):,}" if claim.value.lstrip("-").isdigit() else claim.value
    return f"{relation}{value}{tolerance}{unit}"


def measured_text(verdict: Verdict) -> str:
    """What was measured, in a line."""
    measured, claim = verdict.measured, verdict.claim
    if measured is None:
        return claim.measure
    if isinstance(measured, str):
        return measured
    unit = "" if claim.unit in ("", "1") else f" {claim.unit}"
    if isinstance(measured, dict):
        items = list(measured.items())
        shown = ", ".join(f"{cell}: {_number_text(e)}" for cell, e in items[:6])
        return shown + (f", … ({len(items)} cells)" if len(items) > 6 else "") + unit
    return _number_text(measured) + unit


def _number_text(estimate: Estimate) -> str:
    if estimate.n > 1:
        return str(estimate)
    if float(estimate.value).is_integer():
        return f"{int(estimate.value):,}"
    return f"{estimate.value:.6g}"


def _detectable(verdict: Verdict) -> str:
    if verdict.verdict != "inconclusive" or not isinstance(verdict.measured, Estimate):
        return ""
    if verdict.measured.detectable is None:
        return ""
    return f"{verdict.measured.detectable:.3g} with {verdict.measured.n} repeats, at 80 % power"


def _notes(verdict: Verdict) -> str:
    measured = verdict.measured
    estimates = measured.values() if isinstance(measured, dict) else [measured]
    notes = [e.note for e in estimates if isinstance(e, Estimate) and e.note]
    return " ".join(dict.fromkeys(notes))
