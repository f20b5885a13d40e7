"""Changes of protocol: the file is checked, what holds now comes from the run."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
import site_root

from lwsurvey import paths
from lwsurvey.claims import Ledger
from lwsurvey.claims.ledger import ledger
from lwsurvey.press.site import protocol
from lwsurvey.press.site.protocol import ProtocolError
from lwsurvey.press.site.render import Renderer
from lwsurvey.stats import Estimate

ENTRY = """\
- date: 2026-01-02
  chapter: conv-cost
  kind: design
  title: More <things>
  change: Two instead of one.
  reason: One was too few.
  seeds: fresh
  source: a record
  claims:
    C001: {verdict: inconclusive, value: 1.5, low: -1, high: 4, n: 5}
"""
FIGURE = "verdict: inconclusive, value: 1.5, low: -1, high: 4, n: 5"
SEVERAL = """\
- {date: 2026-01-01, chapter: conv-cost, kind: bars, title: T, change: A.,
   reason: B., claims: [C001]}
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    made = site_root.make(tmp_path / "book")
    monkeypatch.setenv("LWSURVEY_ROOT", str(made))
    return made


@pytest.fixture
def known(root):
    return site_root.known(root)


def _page(known, text: str, piece: str = "protocol") -> str:
    (paths.root() / "data" / "protocol.yml").write_text(text)
    return getattr(Renderer(known, paths.root() / "book"), piece)()


def test_before_and_after_stand_side_by_side(known):
    page = _page(known, ENTRY + SEVERAL)
    assert "1.5 [-1.0, 4.0] (n = 5)" in page and "</span> inconclusive</span></td>" in page
    assert "<td>2 <span" in page and "</span> holds</span>" in page
    assert "More &lt;things&gt; <small>2026-01-02</small>" in page and "Two instead of one." in page
    assert ">T <small>" not in page
    bars = _page(known, ENTRY + SEVERAL, "several_bars")
    assert ">T <small>" in bars and "More" not in bars and "<td>2</td><td>2</td>" in bars


def test_what_is_not_recorded_says_so_and_what_is_not_run_too(known):
    page = _page(replace(known, records={}), ENTRY.replace(FIGURE, ""))
    assert "<td>not recorded </td>" in page and "not examined yet" in page
    side = ENTRY.replace(
        "verdict: inconclusive, value: 1.5, low: -1, high: 4, n: 5", "side: below 0"
    )
    assert "<td>below 0 </td>" in _page(known, side)


def test_an_empty_page_says_so(known):
    assert "No study was changed" in _page(known, "[]")
    assert "No number is judged by several" in _page(known, "[]", "several_bars")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("C001: {", "C009: {", "unknown claim 'C009'"),
        ("C001: {", "C002: {", "C002 belongs to latency"),
        ("C001: {", "3: {", "3 is not the id of a claim"),
        ("2026-01-02", "soon", "'soon' is not a day"),
        ("2026-01-02", "2026-01-02 10:00:00", "is not a day"),
        ("kind: design", "kind: rumour", "kind 'rumour' is none of"),
        ("kind: design", "kind: bars", "unknown fields: seeds, source"),
        ("seeds: fresh", "seeds: 3", "needs a text for seeds"),
        ("  reason: One was too few.\n", "", "needs a text for reason"),
        ("verdict: inconclusive", "verdict: maybe", "verdict 'maybe'"),
        ("high: 4, ", "", "a figure is a value"),
        ("value: 1.5, low: -1, high: 4, n: 5", "n: 5", "a figure is a value"),
        ("high: 4", "high: four", "must be numbers"),
        ("high: 4", "high: 1", "must contain the estimate"),
        ("high: 4", "high: .inf", "finite"),
        ("n: 5", "n: 5, seeds: 3", "give verdict"),
        ("{verdict: inconclusive, value: 1.5, low: -1, high: 4, n: 5}", "better", "give verdict"),
        ("    C001: {verdict: inconclusive, value: 1.5, low: -1, high: 4, n: 5}", "", "mapping"),
    ],
)
def test_a_wrong_entry_is_named_in_one_line(root, old, new, says):
    assert old in ENTRY
    path = root / "data" / "protocol.yml"
    path.write_text(ENTRY.replace(old, new))
    with pytest.raises(ProtocolError, match=says) as caught:
        protocol.read(path, Ledger.read(root / "data" / "claims.csv"))
    assert str(caught.value).startswith("protocol.yml, entry 1 (More <things>): ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["a: 1", "- 1", "[", "\0"])
def test_a_file_that_is_no_list_of_entries_is_named(root, text):
    path = root / "data" / "protocol.yml"
    path.write_text(text)
    with pytest.raises(ProtocolError, match=r"protocol\.yml") as caught:
        protocol.read(path, Ledger.read(root / "data" / "claims.csv"))
    assert "\n" not in str(caught.value)


def test_the_books_own_entries_are_valid_and_what_the_audit_lists_is_there():
    found = protocol.read(paths.data("protocol.yml"), ledger())
    assert [change.date for change in found] == sorted((c.date for c in found), reverse=True)
    told = {(change.chapter, claim) for change in found for claim in change.claims}
    listed = {
        "se": ("C261",), "shufflenet-v1": ("C012", "C841"), "mobilenet-v2": ("C098", "C408"),
        "mnasnet-search": ("C245", "C849", "C847"),
        "mobilenet-v1": ("C084", "C176", "C612", "C862"),
        "mobilenet-v3": ("C448", "C454", "C652", "C654"),
    }  # fmt: skip
    assert {(slug, c) for slug, claims in listed.items() for c in claims} <= told
    (power,) = (c for c in found if c.chapter == "mobilenet-v2" and c.seeds == "fresh")
    assert power.date == datetime.date(2026, 11, 30)
    assert power.claims["C870"].estimate == Estimate(2.613, -0.01947, 5.244, 8)
