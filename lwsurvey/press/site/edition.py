"""The page "This edition": this build's runs, and beside them those that were recorded."""

from __future__ import annotations

from collections.abc import Mapping

from lwsurvey import paths
from lwsurvey.claims.judge import Verdict
from lwsurvey.press.rerun.recorded import Recorded
from lwsurvey.press.results import hardware
from lwsurvey.press.results.notebooks import ALL_VERDICTS, measurement
from lwsurvey.press.site.agreement import recorded_verdicts
from lwsurvey.press.site.state import State
from lwsurvey.runs import Runs, processor_of
from lwsurvey.stats import Estimate

Verdicts = dict[str, dict[str, Verdict]]
"""What was recorded of each claim: by its id and the name of the hardware."""
HERE = "This edition"
OWN = ("date", "commit", "packages")  # of a run, not of a machine; packages are shown one by one
NAMES = {"processor": "Processor", "gpu": "GPU"}
NAMES |= {name: name.capitalize() for name in ("cores", "threads", "system", "python")}
SHOWN = 3


def runs(state: State) -> dict[str, object]:
    """This build's runs, with the number of claims by verdict."""
    found = [run(state, slug) for slug in state.runs]
    sums = {name: sum(run["verdicts"][name] for run in found) for name in ALL_VERDICTS}
    totals = {name: count for name, count in sums.items() if count}
    return {"runs": found, "totals": totals, "trained": _trained(state)}


def _trained(state: State) -> list[dict[str, object]]:
    """The networks behind each chapter that were trained before, and how this build tried them."""
    found = []
    for slug in state.runs:
        kept = Runs(paths.root() / "data" / "runs" / f"{slug}.csv")
        rows = kept.rows.values()
        records = [record for record in state.records.values() if record.chapter == slug]
        estimates = (one for one in map(measurement, records) if isinstance(one, Estimate))
        said = {one.runs.partition("; ")[2] for one in estimates}
        if rows:
            found.append({
                "slug": slug, "title": state.title(slug), "networks": len(rows),
                "seconds": sum(row.seconds for row in rows),
                "machines": sorted({processor_of(row.machine, kept.machines) for row in rows}),
                "dates": sorted({row.date for row in rows}), "again": sorted(filter(None, said)),
            })  # fmt: skip
    return found


def recorded(state: State) -> dict[str, object]:
    """This build's runs beside those of each recorded hardware."""
    there = {claim.id: recorded_verdicts(state, claim) for claim in state.ledger}
    return {
        "columns": [_column(state, name, there) for name in state.recorded],
        "rows": [_row(state, run(state, slug), there) for slug in state.runs],
        "differing": _differing(state, there),
    }


def machines(state: State) -> dict[str, object]:
    """Each machine as a column, and a line for each fact."""
    found = _grouped(HERE, {slug: facts["run"]["provenance"] for slug, facts in state.runs.items()})
    for name, runs in state.recorded.items():
        found += _grouped(name, {slug: run.provenance for slug, run in runs.items()})
    names = dict.fromkeys(fact for _, facts in found for fact in facts)
    lines = [
        {"name": n, "values": [facts.get(n, "not noted") for _, facts in found]} for n in names
    ]
    return {"columns": [name for name, _ in found], "lines": lines}


def run(state: State, slug: str) -> dict[str, object]:
    """One chapter's run of this build, in short."""
    facts = state.runs[slug]
    where = facts["run"]["provenance"]
    return {
        "slug": slug,
        "title": state.title(slug),
        "machine": hardware.machine(facts["parameters"], where),
        "cluster": where.get("cluster"),
        "versions": _versions(where),
        "preset": facts["preset"],
        "date": where["date"],
        "commit": where["commit"],
        "seconds": facts["seconds"],
        "verdicts": state.counts(state.ledger.of_chapter(slug)),
    }


def _versions(where: Mapping) -> str:
    """Those of Python and torch."""
    torch = where["packages"].get("torch")
    return f"Python {where['python']}" + (f", torch {torch}" if torch else "")


def _column(state: State, name: str, there: Verdicts) -> dict[str, object]:
    """The heading and the last line of a recorded hardware."""
    kept = state.recorded[name]
    found = [_cell(state, name, run, there) for slug, run in kept.items() if slug in state.runs]
    numbers = ("seconds", "same", "different", "alone")
    sums = {key: sum(cell[key] for cell in found) for key in numbers}
    clusters = (run.provenance.get("cluster") for run in kept.values())
    return sums | {
        "name": name,
        "chapters": len(found),
        "machines": list(dict.fromkeys(run.machine() for run in kept.values())),
        "clusters": list(dict.fromkeys(filter(None, clusters))),
        "presets": list(dict.fromkeys(run.preset for run in kept.values())),
        "published": name == state.published,
    }


def _row(state: State, run: dict[str, object], there: Verdicts) -> dict[str, object]:
    """A chapter with what each hardware recorded of it; None where it recorded nothing."""
    kept = {name: runs.get(run["slug"]) for name, runs in state.recorded.items()}
    cells = [_cell(state, name, one, there) if one else None for name, one in kept.items()]
    return {**run, "cells": cells}


def _cell(state: State, name: str, recorded: Recorded, there: Verdicts) -> dict[str, object]:
    """How many verdicts of a recorded run are those of this build."""
    claims = state.ledger.of_chapter(recorded.chapter)
    here = {claim.id: state.verdict(claim) for claim in claims if claim.id in state.records}
    both = {claim: there[claim][name] for claim in here if name in there[claim]}
    same = sum(here[claim] == verdict.verdict for claim, verdict in both.items())
    every = here.keys() | {record.id for record in recorded.records}
    return {
        "seconds": recorded.seconds,
        "preset": recorded.preset,
        "same": same,
        "different": len(both) - same,
        "alone": len(every) - len(both),
    }


def _differing(state: State, there: Verdicts) -> list[dict[str, object]]:
    """The claims whose verdict is not the same everywhere that they were examined."""
    found = []
    for claim in state.ledger:
        words = {name: verdict.verdict for name, verdict in there[claim.id].items()}
        here = state.verdict(claim)
        if any(word != here for word in words.values()):
            row = {"claim": claim, "href": state.href(claim), "chapter": state.title(claim.chapter)}
            verdicts = [words.get(name) for name in state.recorded]
            found.append(row | {"here": here, "verdicts": verdicts})
    return found


def _grouped(name: str, runs: dict[str, dict]) -> list[tuple[str, dict[str, str]]]:
    """The different machines among runs that stand under one name."""
    groups: dict[tuple, list[str]] = {}
    for slug, where in runs.items():
        groups.setdefault(tuple(_facts(where).items()), []).append(slug)
    return [(name, _of(slugs, runs, len(groups)) | dict(g)) for g, slugs in groups.items()]


def _of(slugs: list[str], runs: dict[str, dict], groups: int) -> dict[str, str]:
    """Which runs, when, and from which commits."""
    dates = sorted({runs[slug]["date"] for slug in slugs})
    commits = list(dict.fromkeys(runs[slug]["commit"] for slug in slugs))
    return {
        "Chapters": str(len(slugs)) if groups == 1 else ", ".join(slugs),
        "Date": " to ".join(dict.fromkeys((dates[0], dates[-1]))),
        "Commit": ", ".join(commits[:SHOWN]) + ", …" * (len(commits) > SHOWN),
    }


def _facts(where: Mapping) -> dict[str, str]:
    """All facts of a machine; first those that are always there, in this order."""
    given = {k: v for k, v in where.items() if k not in OWN and v is not None}
    plain = {k: where[k] for k in NAMES} | given | {"gpu": where["gpu"] or "none"}
    named = {NAMES.get(k, k.replace("_", " ").capitalize()): str(v) for k, v in plain.items()}
    return named | {k: str(v) for k, v in where["packages"].items()}
