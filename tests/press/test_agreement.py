"""On how many machines a verdict is the same, on the card, in the ledger and in the tallies."""

from __future__ import annotations

from dataclasses import asdict, replace

import nbformat
import pytest
import site_root

from lwsurvey import paths
from lwsurvey.claims import Ledger
from lwsurvey.claims.ledger import BASES
from lwsurvey.claims.words import asked
from lwsurvey.press.rerun import recorded
from lwsurvey.press.site import agreement, notebook
from lwsurvey.press.site.render import Renderer
from lwsurvey.stats import Estimate, exact

INTEL = site_root.PROVENANCE | {"processor": "Intel(R) Xeon(R) Processor"}


@pytest.fixture
def known(tmp_path, monkeypatch):
    """A tiny book whose one claim, that there are two, holds in this build."""
    made = site_root.make(tmp_path / "book")
    monkeypatch.setenv("LWSURVEY_ROOT", str(made))
    return site_root.known(made)


@pytest.fixture
def here(known):
    """This build's run as it would be recorded."""
    return recorded.distil(paths.root() / "_build" / "runs" / "cpu" / "conv-cost.ipynb")


def _measuring(run, value: object, **changes: object):
    (record,) = run.records
    measured = asdict(exact(value)) if isinstance(value, float) else value
    return replace(run, records=(replace(record, measured=measured),), **changes)


def _found(known, **folders):
    runs = {name: {"conv-cost": run} for name, run in folders.items()}
    known = replace(known, recorded=runs)
    return known, agreement.agreement(known, known.ledger["C001"])


def test_a_claim_that_only_this_build_decides(known, here):
    for folders in ({}, {"a-2-cores": here}):
        found = _found(known, **folders)[1]
        assert (str(found), found.kind) == ("one machine only", agreement.ALONE)
    assert agreement.agreement(known, known.ledger["C002"]) is None


def test_the_same_on_two_machines(known, here):
    known, found = _found(known, mine=here, intel=_measuring(here, 2.0, provenance=INTEL))
    assert (str(found), found.kind) == ("same on 2 of 2 machines", agreement.SAME)
    assert found.short == "same on 2 of 2"
    assert agreement.tallies(known) == {
        "machines": "2", "compared": "1", "differing": "0", "opposite": "0",
        "differing-share": "0.0 %",
    }  # fmt: skip


def test_a_machine_that_says_otherwise_is_named_with_what_it_measured(known, here):
    other = {"intel-xeon-2-cores": _measuring(here, 3.0, provenance=INTEL)}
    known, found = _found(known, **other)
    assert str(found) == "differs: Intel Xeon, 2 cores says contradicted, 3"
    assert found.kind == agreement.DIFFERS and found.short == "differs: contradicted"
    tallies = agreement.tallies(known)
    assert [tallies[n] for n in ("compared", "differing", "opposite")] == ["1", "1", "1"]
    assert tallies["differing-share"] == "100.0 %"
    busy = Estimate(2.5, 1, 4, 9)
    known, found = _found(known, **{"a-2-cores-busy": _measuring(here, asdict(busy))})
    says = "inconclusive, 2.5 [1.0, 4.0] (n = 9)"
    assert str(found) == f"differs: a, 2 cores (a-2-cores-busy) says {says}"
    assert found.machines == 1


@pytest.mark.parametrize(
    ("verdicts", "opposite"),
    [
        (("holds", "contradicted"), True),
        (("erratum", "holds at reduced scale"), True),
        (("holds on this hardware", "contradicted on this hardware"), True),
        (("inconclusive", "contradicted", "holds"), True),
        (("holds", "inconclusive"), False),
        (("contradicted", "inconclusive"), False),
        (("erratum", "contradicted"), False),
        (("holds",), False),
    ],
)
def test_opposites_are_more_than_differences(known, here, verdicts, opposite):
    judged = known.judgement(known.ledger["C001"])
    others = {str(k): replace(judged, verdict=v) for k, v in enumerate(verdicts[1:])}
    assert agreement.Agreement(verdicts[0], 1 + len(others), others).opposite == opposite


@pytest.mark.parametrize("basis", ["measured", "trained", "sampled", "counted", "transcribed"])
def test_changes_are_counted_by_what_the_verdict_rests_on(known, here, basis):
    claims = [replace(claim, basis=basis) for claim in known.ledger]
    known = replace(known, ledger=Ledger(claims))
    known = _found(known, intel=_measuring(here, 3.0, provenance=INTEL))[0]
    *rows, total = agreement.by_basis(known)
    one = {"compared": 1, "differing": 1, "opposite": 1}
    assert total == {"name": "all", **one}
    (name,) = (row["name"] for row in rows if row["compared"])
    assert [name] == [words for words, bases in agreement.BASES if basis in bases]
    page = Renderer(known, paths.root() / "book").changes()
    assert f"{name}</th>" in page and page.count("1 (100.0 %)") == 2
    assert len(agreement.BASES) == len(rows)


def test_every_basis_of_the_ledger_stands_in_one_row():
    named = [basis for _, bases in agreement.BASES for basis in bases]
    assert sorted(named) == sorted(["", *BASES])


def test_an_answer_to_another_question_is_not_compared(known, here):
    other = _measuring(here, 3.0, provenance=INTEL)
    assert other.records[0].asked == asked(known.ledger["C001"])
    assert _found(known, intel=other)[1].kind == agreement.DIFFERS
    rows = known.ledger["C001"], known.ledger["C002"]
    for changes, kind in (
        ({"measure": "weigh the things"}, agreement.ALONE),
        ({"unit": "kg"}, agreement.ALONE),
        ({"value": "4", "tolerance": "2"}, agreement.SAME),
    ):
        moved = Ledger([replace(rows[0], **changes), rows[1]])
        assert _found(replace(known, ledger=moved), intel=other)[1].kind == kind
    unknown = replace(other, records=(replace(other.records[0], asked=""),))
    moved = Ledger([replace(rows[0], measure="weigh the things"), rows[1]])
    assert _found(replace(known, ledger=moved), intel=unknown)[1].kind == agreement.DIFFERS


def test_a_machine_that_was_too_busy_to_judge_does_not_count(known, here):
    busy = asdict(replace(exact(3.0), unjudged="two threads, and a busy core"))
    known, found = _found(known, intel=_measuring(here, busy, provenance=INTEL))
    assert (found.kind, found.machines) == (agreement.ALONE, 1)
    (record,) = known.records.values()
    unjudged = replace(record, verdict="not judged")
    assert (
        agreement.agreement(replace(known, records={"C001": unjudged}), known.ledger["C001"])
        is None
    )


def test_recorded_measurements_are_judged_by_the_ledger_of_today(known, here):
    (record,) = here.records
    old = replace(here, records=(replace(record, verdict="contradicted"),), provenance=INTEL)
    assert _found(known, intel=old)[1].kind == agreement.SAME
    table = _measuring(here, {"a cell": asdict(exact(2.0))}, provenance=INTEL)
    assert _found(known, intel=table)[1].kind == agreement.ALONE


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"parameters": {"images": 1}}, False),
        ({"parameters": {"jobs": 4, "device": "cpu", "again": 3}}, True),
        ({"parameters": {"images": 1}, "preset": "gpu"}, True),
        ({"preset": "cpu+custom"}, False),
        ({"preset": "smoke"}, False),
    ],
)
def test_a_run_of_another_design_is_not_compared(known, here, changes, counts):
    other = _measuring(here, 3.0, provenance=INTEL, **changes)
    known, found = _found(known, intel=other)
    assert (found.kind == agreement.DIFFERS) == counts
    page = Renderer(known, paths.root() / "book").recorded()
    assert ("1 different" in page) == counts and ("1 not compared" in page) != counts


def test_a_smoke_build_is_compared_with_nothing(known, here):
    facts = known.runs["conv-cost"] | {"preset": "smoke"}
    known = replace(known, runs={"conv-cost": facts})
    assert _found(known, intel=_measuring(here, 3.0))[1].kind == agreement.ALONE


def test_the_card_on_the_site_says_it_and_has_links(known, here):
    known = _found(known, intel=_measuring(here, 2.0, provenance=INTEL))[0]
    repeated = replace(known.ledger["C002"], same_as="C001", statement="2 < 3")
    known = replace(known, ledger=Ledger([known.ledger["C001"], repeated]))
    renderer = Renderer(known, paths.root() / "book")
    html = renderer.card(known.ledger["C001"])
    assert "<dt>Machines</dt><dd>same on 2 of 2 machines</dd>" in html
    assert '<dt>Also stated</dt><dd><a href="ledger.html#C002">C002</a> 2 &lt; 3</dd>' in html
    assert 'href="ledger.html#C001"' in html and 'href="#claim-C001"' in html
    executed = site_root.executed_notebook(paths.root(), "cpu", 2.0)
    cells = {c.id: c for c in notebook.page(executed, "conv-cost", lambda claim: claim * 2).cells}
    (output,) = cells["check"].outputs
    assert output.data["text/html"] == "C001C001"
    (kept,) = (c for c in notebook.page(executed, "conv-cost").cells if c.id == "check")
    assert "href" not in kept.outputs[0].data["text/html"]
    nbformat.validate(executed)


def test_the_ledger_has_a_column_and_a_filter(known, here):
    known = _found(known, intel=_measuring(here, 3.0, provenance=INTEL))[0]
    renderer = Renderer(known, paths.root() / "book")
    names = dict.fromkeys(renderer.sources.values(), "Liu 2022")
    html = renderer.ledger(names, names)
    assert 'data-machines="differs"' in html and 'data-machines=""' in html
    assert '<td data-label="Machines" data-sort="1">differs: contradicted</td>' in html
    assert "".join(f"<option>{kind}</option>" for kind in agreement.KINDS) in html


def test_networks_that_were_recorded_are_of_one_machine_wherever_they_are_looked_up(known, here):
    processor = site_root.PROVENANCE["processor"]
    for said, kind in (
        (f"12 seeds, trained on {processor} on 2026-11-30; 2 of 12 trained again", agreement.ALONE),
        ("12 seeds, trained in this run", agreement.SAME),
    ):
        measured = asdict(replace(exact(2.0), n=12, runs=said))
        records = {"C001": replace(known.records["C001"], measured=measured)}
        elsewhere = _measuring(here, measured, provenance=INTEL)
        found = _found(replace(known, records=records), intel=elsewhere)[1]
        assert found.kind == kind
