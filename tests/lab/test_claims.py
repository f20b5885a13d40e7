"""The ledger's rules: how a measurement becomes a verdict."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from lwsurvey.claims import Claim, Ledger, LedgerError, bars, judge, verdicts
from lwsurvey.claims.card import card
from lwsurvey.claims.ledger import BASES, COLUMNS, ORIGINS, ROLES, SCALES, VERDICTS, ledger
from lwsurvey.claims.words import rounded
from lwsurvey.figures import VERDICT_COLOURS
from lwsurvey.press.results import notebooks
from lwsurvey.stats import Estimate, mean_interval

NUMBERS = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
MARGINS = st.floats(0, 100).map(lambda x: round(x, 3))
STEPS = st.floats(0.01, 1e3)
ONE_NUMBER = ("=", "<=", ">=", "<", ">")
# Which way the value must go for the relation to become harder to satisfy.
HARDER = {"=": (-1, 1), "<=": (-1,), "<": (-1,), ">=": (1,), ">": (1,)}


def claim(relation="=", value="1", tolerance="", scale="full", **other) -> Claim:
    empty = dict.fromkeys(COLUMNS, "")
    row = dict(
        id="C001", source="seed", section="1", chapter="conv-cost", kind="number",
        statement="a statement", measure="a measure", relation=relation, value=str(value),
        tolerance=str(tolerance), scale=scale, unit="1",
        basis="" if scale == "none" else "counted",
    )  # fmt: skip
    return Claim(**{**empty, **row, **other})


def passing(relation: str, value: float) -> float:
    """A measurement that satisfies the relation without needing its tolerance."""
    return value + {"<": -0.001, ">": 0.001}.get(relation, 0)


@pytest.mark.parametrize("relation", ONE_NUMBER)
@given(value=NUMBERS, margin=MARGINS, step=STEPS, which=st.integers(0, 1))
def test_moving_the_value_beyond_tolerance_changes_the_verdict(
    relation, value, margin, step, which
):
    measured = passing(relation, value)
    assert judge(claim(relation, value, margin), measured).verdict == "holds"
    sign = HARDER[relation][which % len(HARDER[relation])]
    moved = value + sign * (margin + step)
    assert judge(claim(relation, moved, margin), measured).verdict == "contradicted"


@given(
    cells=st.dictionaries(st.text("abc", min_size=1), NUMBERS, min_size=1),
    margin=MARGINS, step=STEPS, pick=st.integers(0, 99),
)  # fmt: skip
def test_moving_one_cell_of_a_table_changes_the_verdict(cells, margin, step, pick):
    assert judge(claim("table", json.dumps(cells), margin), cells).verdict == "holds"
    cell = sorted(cells)[pick % len(cells)]
    moved = {**cells, cell: cells[cell] + margin + step}
    verdict = judge(claim("table", json.dumps(moved), margin), cells)
    assert verdict.verdict == "contradicted"
    assert verdict.failed == (cell,)


@given(word=st.text("abc", min_size=1), other=st.text("abc", min_size=1))
def test_a_fact_holds_for_its_own_word_only(word, other):
    assume(word != other)
    assert judge(claim("fact", word), word).verdict == "holds"
    assert judge(claim("fact", word), other).verdict == "contradicted"


@pytest.mark.parametrize("relation", ONE_NUMBER)
@given(value=NUMBERS, width=st.floats(0.01, 10), offset=st.floats(-30, 30), margin=MARGINS)
def test_an_interval_must_lie_on_one_side(relation, value, width, offset, margin):
    centre = value + offset
    estimate = Estimate(centre, centre - width, centre + width, 5)
    verdict = judge(claim(relation, value, margin, scale="reduced"), estimate).verdict
    low = -math.inf if relation in ("<", "<=") else value - margin
    high = math.inf if relation in (">", ">=") else value + margin
    for end in (estimate.low, estimate.high):
        assume(all(math.isinf(x) or abs(end - x) > 1e-6 for x in (low, high)))
    if low < estimate.low and estimate.high < high:
        assert verdict == "holds at reduced scale"
    elif estimate.high < low or estimate.low > high:
        assert verdict == "contradicted at reduced scale"
    else:
        assert verdict == "inconclusive"


@pytest.mark.parametrize(
    ("row", "held", "contradicted"),
    [
        ({}, "holds", "contradicted"),
        ({"scale": "reduced"}, "holds at reduced scale", "contradicted at reduced scale"),
        (
            {"scale": "reduced", "hardware": "yes"},
            "holds on this hardware",
            "contradicted on this hardware",
        ),
        (
            {"scale": "reduced", "hardware": "stand-in"},
            "holds on a stand-in device",
            "contradicted on a stand-in device",
        ),
        ({"kind": "existence"}, "holds", "inconclusive"),
        (
            {"kind": "existence", "scale": "reduced", "hardware": "yes"},
            "holds on this hardware",
            "inconclusive",
        ),
    ],
)
def test_a_verdict_says_at_which_scale_and_fits_its_row(row, held, contradicted):
    ours = claim(">", 1, **row)
    assert (judge(ours, 2).verdict, judge(ours, 0).verdict) == (held, contradicted)
    words = {w for w in VERDICTS if w.startswith(("holds", "contradicted", "out"))}
    for word in words - {held, contradicted}:
        with pytest.raises(LedgerError, match=rf"C001: verdict '{word}' does not fit its scale"):
            Ledger([replace(ours, verdict=word)])


@pytest.mark.parametrize("relation", ["<", ">"])
def test_a_strict_relation_excludes_its_value(relation):
    assert judge(claim(relation, 1), 1).verdict == "contradicted"
    assert judge(claim(relation + "=", 1), 1).verdict == "holds"


def test_a_tolerance_can_be_relative():
    assert judge(claim("=", 200, "5%"), 209.9).verdict == "holds"
    assert judge(claim("=", 200, "5%"), 210.1).verdict == "contradicted"


def test_binary_rounding_does_not_decide_at_the_edge_of_a_tolerance():
    assert judge(claim("=", 8.4, 0.05), 8.45).verdict == "holds"
    assert judge(claim("=", 8.4, 0.05), 8.4500001).verdict == "contradicted"


def test_an_erratum_fails_as_written_and_passes_as_corrected():
    wrong = claim("=", 15, correction="it is 7.5", correction_value="7.5")
    assert judge(wrong, 7.5).verdict == "erratum"
    assert judge(wrong, 15).verdict == "holds"
    assert judge(wrong, 9).verdict == "contradicted"


def test_a_table_is_corrected_cell_by_cell():
    wrong = claim("table", '{"a": 1, "b": 1}', correction_value='{"a": 2, "b": 1}')
    assert judge(wrong, {"a": 2, "b": 1}).verdict == "erratum"
    assert judge(wrong, {"a": 2, "b": 3}).verdict == "contradicted"


@pytest.mark.parametrize("give", [int, np.int64, np.array, torch.tensor])
def test_whole_numbers_are_compared_to_the_last_digit(give):
    big = 2**53
    assert judge(claim("=", big + 1), give(big + 1)).verdict == "holds"
    assert judge(claim("=", big + 1), give(big)).verdict == "contradicted"
    assert type(judge(claim("=", big), give(big)).measured.value) is int


@given(value=st.floats(-1e9, 1e9), n=st.integers(2, 30))
def test_equal_repeats_are_their_value_exactly(value, n):
    estimate = mean_interval([value] * n)
    assert (estimate.value, estimate.low, estimate.high) == (value, value, value)


def test_the_order_of_repeats_counts_not_their_index():
    series = pd.Series([1.0, 1.5, 2.0], index=[7, 7, "x"])
    assert judge(claim(">", 0), series).measured == mean_interval([1.0, 1.5, 2.0])


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=9), NUMBERS)
def test_repeats_are_judged_by_their_t_interval(repeats, value):
    reduced = claim(">", value, scale="reduced")
    assert judge(reduced, repeats).measured == mean_interval(repeats)
    assert judge(reduced, repeats).verdict == judge(reduced, mean_interval(repeats)).verdict


def test_cells_of_a_table_share_the_error_rate():
    repeats = [0.9, 1.0, 1.1]
    table = claim("table", json.dumps({"a": 1, "b": 1}), 0.5, scale="reduced")
    measured = judge(table, {"a": repeats, "b": repeats}).measured
    assert measured["a"] == mean_interval(repeats, 0.975)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(3, 2, size=6)) for _ in range(2000)]
    covered = np.mean([e.low <= 3 <= e.high for e in intervals])
    assert 0.935 <= covered <= 0.965


def test_the_smallest_detectable_effect_is_detected_four_times_in_five():
    rng = np.random.default_rng(1)
    spread, n = 2.0, 10
    effect = np.mean([mean_interval(rng.normal(0, spread, n)).detectable for _ in range(500)])
    found = np.mean([mean_interval(rng.normal(effect, spread, n)).low > 0 for _ in range(2000)])
    assert 0.72 <= found <= 0.88


@pytest.mark.parametrize("confidence", [0.95, 0.995])
@pytest.mark.parametrize("n", [2, 3, 5, 40])
def test_the_detectable_effect_has_its_power_with_any_number_of_repeats(n, confidence):
    repeats = np.linspace(-1, 1, n)
    error = repeats.std(ddof=1) / math.sqrt(n)
    shift = mean_interval(repeats, confidence).detectable / error
    limit = stats.t.ppf((1 + confidence) / 2, n - 1)
    assert stats.nct.sf(limit, n - 1, shift) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (math.nan, "NaN"), ([], "empty"), ([1.0, math.nan], "NaN"), ([1.0], "n >= 2"),
        ([[1.0, 2.0]], "shape"), ("1", "number"), (None, "number"), (True, "number"),
        ({"a": 1}, "number"), (math.inf, "infinite"), (object(), "number"),
        (np.True_, "number"), (torch.tensor(True), "number"), ([True, True], "number"),
        ([[1], [1, 2]], "number"),
        (["1", "1"], "number"), (np.array([1j, 2j]), "number"), (10**400, "number"),
    ],
)  # fmt: skip
def test_a_measurement_that_is_no_number_is_refused(bad, says):
    with pytest.raises(LedgerError, match=says):
        judge(claim("=", 1), bad)


@pytest.mark.parametrize(
    ("bad", "says"),
    [(3.0, "table"), ({}, "without a measurement: a"), ({"a": 1, "z": 2}, "not have: z")],
)
def test_a_table_of_the_wrong_shape_is_refused(bad, says):
    with pytest.raises(LedgerError, match=says):
        judge(claim("table", '{"a": 1}'), bad)


@pytest.mark.parametrize("bad", [1, "", "  ", None, ["a"]])
def test_a_fact_needs_a_phrase(bad):
    with pytest.raises(LedgerError, match="phrase"):
        judge(claim("fact", "a"), bad)


def test_out_of_reach_is_a_scale_and_takes_no_measurement():
    far = claim("", "", scale="none")
    assert judge(far).verdict == "out of reach"
    with pytest.raises(LedgerError, match="out of reach"):
        judge(far, 3)
    for scale in SCALES[:2]:
        with pytest.raises(LedgerError):
            judge(claim(scale=scale), None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"relation": "~"}, "relation"), ({"value": ""}, "value is empty"),
        ({"value": "nine"}, "cannot be read"),
        ({"value": "NaN"}, "cannot be read"),
        ({"relation": "table", "value": "[1]"}, "cannot be read"),
        ({"value": "1" + 400 * "0"}, "cannot be read"),
        ({"relation": "table", "value": '{"a": 1, "a": 2}'}, "cell of the table appears twice"),
        ({"tolerance": "-1"}, "negative"), ({"tolerance": "nan"}, "finite"),
        ({"tolerance": "inf"}, "finite"),
        ({"tolerance": "some"}, "cannot be read"), ({"scale": "huge"}, "scale"),
        ({"kind": "rumour"}, "kind"), ({"verdict": "true"}, "verdict"),
        ({"scale": "reduced", "tolerance": ""}, "margin"), ({"statement": ""}, "statement"),
        ({"verdict": "erratum", "origin": "paper"}, "an erratum needs a correction_value"),
        ({"basis": "guessed"}, "basis 'guessed' is none of derived, counted"),
        ({"basis": "", "verdict": "holds"}, "a row with a verdict needs a basis: derived"),
        ({"scale": "none"}, "rests on nothing; leave its basis empty"),
        ({"origin": "author", "correction_value": "2"}, "origin 'author' is none of survey"),
        ({"origin": "survey"}, "only a row with a correction has one"),
        ({"verdict": "erratum", "correction_value": "2"}, "an erratum needs an origin"),
        ({"same_as": "C999"}, "same_as names C999, which is not in the ledger"),
        ({"same_as": "C001"}, "same_as names the row itself"),
        ({"verdict": "holds", "correction_value": "2"}, "only an erratum has one"),
        ({"scale": "reduced", "relation": "table", "value": '{"a": 1}'}, "margin"),
        ({"correction_relation": "~", "correction_value": "2"}, "relation '~'"),
        ({"correction_relation": "fact", "correction_value": "x"}, "form"),
        ({"correction_relation": "table", "correction_value": '{"a": 1}'}, "form"),
        ({"relation": "table", "value": '{"a": 1}', "correction_value": '{"b": 1}'}, "form"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_judged_is_named(change, says):
    with pytest.raises(LedgerError, match=rf"C001.*{says}"):
        Ledger([replace(claim(), **change)])


@pytest.mark.parametrize(
    ("first", "says"),
    [
        ({"same_as": "C003"}, "same_as names C002, itself a repetition; name C003 instead"),
        ({"verdict": ""}, "same_as names C002, which has no verdict yet"),
    ],
)
def test_a_repetition_names_a_judged_row_that_is_none(first, says):
    rows = [replace(claim(), verdict="holds", id=f"C00{i}") for i in (1, 2, 3)]
    repetition = replace(rows[0], same_as="C002", chapter="another-chapter")
    assert Ledger([repetition, *rows[1:]])["C001"].same_as == "C002"
    with pytest.raises(LedgerError, match=rf"C001: {says}"):
        Ledger([repetition, replace(rows[1], **first), rows[2]])


@pytest.mark.parametrize(
    ("row", "role"),
    [
        ({}, "test"), ({"basis": "sampled"}, "test"), ({"basis": "transcribed"}, "look-up"),
        ({"basis": "definition"}, "definition"), ({"scale": "none", "basis": ""}, "out of reach"),
        ({"basis": "definition", "same_as": "C002"}, "repetition"),
    ],
)  # fmt: skip
def test_what_a_row_counts_as(row, role):
    assert replace(claim(), **row).role == role and role in ROLES


def test_the_books_judged_rows_say_what_they_rest_on():
    judged = [row for row in ledger() if row.verdict]
    assert [r.id for r in judged if (r.basis in BASES) != (r.scale != "none")] == []
    errata = [r.id for r in judged if r.verdict == "erratum"]
    assert [r.id for r in judged if r.origin in ORIGINS] == errata
    repeated = {ledger()[r.same_as].role for r in judged if r.same_as}
    assert repeated and "repetition" not in repeated and "out of reach" not in repeated


def test_an_unknown_id_gets_the_nearest_ones():
    with pytest.raises(LedgerError, match=r"unknown claim 'C01'.*C001"):
        Ledger([claim()])["C01"]


def test_an_id_is_unique():
    with pytest.raises(LedgerError, match=r"C001.*twice"):
        Ledger([claim(), claim()])


def test_a_file_with_other_columns_is_refused(tmp_path):
    path = tmp_path / "claims.csv"
    path.write_text("id,claim\nC001,x\n")
    with pytest.raises(LedgerError, match="columns"):
        Ledger.read(path)
    path.write_bytes(b"id,claim\nC001,\xff\n")
    with pytest.raises(LedgerError, match="UTF-8"):
        Ledger.read(path)


def test_what_might_be_is_proven_by_an_example_and_refuted_by_none():
    might = claim(">", 1.1, kind="existence", scale="reduced")
    example, none, open_ = Estimate(1.3, 1.2, 1.4, 9), Estimate(1.03, 1, 1.06, 9), [0.9, 1.5]
    assert judge(might, example).verdict == "holds at reduced scale"
    assert {judge(might, one).verdict for one in (none, open_)} == {"inconclusive"}
    assert "excludes" in card(judge(might, none))
    with pytest.raises(LedgerError, match="it has no correction"):
        Ledger([replace(might, correction="No.", correction_value="1", verdict="")])


BUSY = "Each call used 2 threads, but other processes kept 1.0 of 2 cores busy."


@pytest.mark.parametrize("ratio", [4.78, 0.5])
def test_a_number_that_may_not_be_judged_is_shown_and_decides_nothing(ratio):
    busy = Estimate(ratio, ratio - 0.1, ratio + 0.1, 20, unjudged=BUSY)
    row = claim(">", 1, scale="reduced", hardware="yes")
    seen = judge(row, busy)
    assert seen.verdict == "not judged"
    html = card(replace(seen, bars=(2.0,)))
    assert f"{ratio:g}, without an interval" in html and BUSY in html and "lw-not-judged" in html
    assert "[" not in html and "bars" not in html and "excludes" not in html
    cells = claim("table", '{"a": 1, "b": 2}', "1", scale="reduced", hardware="yes")
    assert judge(cells, {"a": 1, "b": busy}).verdict == "not judged"
    with pytest.raises(LedgerError, match="'not judged' does not fit its scale"):
        Ledger([replace(row, verdict="not judged")])


def test_a_card_says_what_disturbed_the_measurement():
    noted = Estimate(1.2, 1.1, 1.3, 20, note="Another process used 0.9 cores.")
    row = claim(">", 1, scale="reduced")
    assert "Another process used 0.9 cores." in card(judge(row, noted))
    assert "Disturbed" not in card(judge(row, replace(noted, note="")))


# What a card says.

WIDE = Estimate(-0.845, -1.43, -0.26, 12, 0.8, runs="12 seeds, trained on AMD EPYC.")


def _rows(html: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html))


@pytest.mark.parametrize(
    ("relation", "value", "estimate", "says"),
    [
        (">", 0, (0.1, -0.1, 0.3), "an effect below -0.10 or above 0.30 points"),
        (">", 0, (0.01, -0.28, 0.3), "an effect larger than 0.30 points either way"),
        (">", 0, (0.01, -0.281, 0.3001), "an effect larger than 0.31 points either way"),
        (">", 0, (-0.6, -0.9, -0.3), "-0.30 points or more"),
        (">=", 1, (0.2, -0.1, 0.5), "0.50 points or more"),
        ("<", 0, (0.6, 0.3, 0.9), "0.30 points or less"),
        ("=", 0, (2.5, 2.0, 3.0), "2.00 points or less"),
        ("=", 9, (2.5, 2.0, 3.0), "3.00 points or more"),
        (">", 1.1, (1.09, 1.05, 1.13), "values below 1.050 and above 1.130 points"),
        ("<", 100, (1840.0, 1490.0, 2190.0), "1,490 points or less"),
        (">", 0, (2e-10, -1e-10, 5e-10), "an effect below -1e-10 or above 5e-10 points"),
        (">", 0, (0.6, 0.3, 0.9), None),
    ],
)
def test_a_card_says_what_the_interval_excludes(relation, value, estimate, says):
    row = claim(relation, value, 0.1 if relation == "=" else "", scale="reduced", unit="points")
    html = card(judge(row, Estimate(*estimate, 12)))
    assert _rows(html).get("The interval excludes") == says


def test_one_measurement_alone_excludes_nothing():
    row = claim(">", 3, scale="reduced")
    assert "excludes" not in card(judge(row, 2)) + card(judge(row, Estimate(2, 1, 2.5, 1)))


@given(low=st.floats(-1e3, 1e3), width=st.floats(1e-5, 1e3))
def test_what_is_excluded_is_never_inside_the_interval(low, width):
    e = Estimate(low + width / 2, low, low + width, 5)
    below, above = (float(rounded(x, e, to).replace(",", "")) for x, to in (
        (e.low, math.floor), (e.high, math.ceil),
    ))  # fmt: skip
    assert below <= e.low + 1e-4 * width and above >= e.high - 1e-4 * width


@pytest.mark.parametrize(
    ("changes", "chip"),
    [
        ({"scale": "full"}, "real object"),
        ({"scale": "reduced"}, "reduced scale"),
        ({"scale": "reduced", "hardware": "yes"}, "this hardware"),
        ({"scale": "reduced", "hardware": "stand-in"}, "stand-in device"),
    ],
)
def test_a_card_names_its_scope_once(changes, chip):
    open_ = card(judge(claim(">", 0, **changes), Estimate(0, -1, 1, 5)))
    assert f'<span class="lw-scope">{chip}</span>' in open_
    assert card(judge(claim(">", 0, **changes), 1)).count("reduced scale") <= 1


def test_a_stand_in_device_is_a_scale_of_its_own():
    with pytest.raises(LedgerError, match="stand-in"):
        Ledger([claim(hardware="stand-in")])
    with pytest.raises(LedgerError, match="hardware"):
        Ledger([claim(scale="reduced", tolerance=1, hardware="phone")])
    assert Ledger([claim(scale="reduced", tolerance=1, hardware="stand-in")])


def test_a_card_shows_controls_runs_and_links_on_the_site_only():
    row = claim(">", 0, scale="reduced", unit="points")
    verdict = replace(judge(row, WIDE), controls={"at equal MACs": Estimate(-0.02, -2.7, 2.7, 5)})
    rows = _rows(card(verdict))
    assert rows["Control"] == "at equal MACs: 0.0 [-2.7, 2.7] points (n = 5)"
    assert rows["Runs"] == WIDE.runs
    assert rows["Measured"] == "-0.84 [-1.43, -0.26] points (n = 12)"
    assert "href" not in card(verdict)
    site = card(verdict, [("Machines", "same on 2 of 2 machines")], page="ledger.html")
    assert _rows(site)["Machines"] == "same on 2 of 2 machines"
    assert 'href="ledger.html#C001"' in site and 'href="#claim-C001"' in site
    assert 'aria-label="Link to the card of C001"' in site


# The strip of bars.


@pytest.mark.parametrize(
    ("relation", "value", "tolerance", "asked", "found"),
    [
        (">", -0.5, "", (-2, -1, -0.1), {-2: "pass", -1: "open", -0.5: "open", -0.1: "fail"}),
        ("<", -0.5, "", (-2, -1, -0.1), {-2: "fail", -1: "open", -0.5: "open", -0.1: "pass"}),
        ("=", 0, 0.5, (0.1, 2), {0.1: "fail", 0.5: "open", 2: "pass"}),
        (">", -0.5, 0.5, (-3, 1), {-3: "pass", -1.0: "open", 1: "fail"}),
        ("<", 0, "50%", (-3, 1), {-3: "fail", 0: "pass", 1: "pass"}),
    ],
)
def test_each_bar_has_its_outcome_and_lies_in_its_zone(relation, value, tolerance, asked, found):
    row = claim(relation, value, tolerance, scale="reduced", unit="points")
    verdict = replace(judge(row, WIDE), bars=bars.checked_bars(row, asked))
    assert bars.outcomes(verdict) == found
    for bar, outcome in found.items():
        (zone,) = {z for low, high, z in bars.zones(verdict) if low <= bar <= high}
        assert zone == outcome
    html = bars.strip(verdict)
    assert 'aria-hidden="true"' in html
    assert f"{bars.own_bar(row):g} (the ledger&#x27;s): " in html
    assert html in card(verdict)


@given(low=st.floats(-5, 5), width=st.floats(0.01, 5), bar=st.floats(-12, 12))
@pytest.mark.parametrize("relation", ONE_NUMBER)
def test_the_zones_are_what_the_judge_says(relation, low, width, bar):
    row = claim(relation, 1, 0.25, scale="reduced")
    e = Estimate(low + width / 2, low, low + width, 5)
    verdict = replace(judge(row, e), bars=(abs(bar),) if relation == "=" else (bar,))
    for start, end, outcome in bars.zones(verdict):
        for inside in (
            max(start, -20) * 0.9 + min(end, 20) * 0.1,
            (max(start, -20) + min(end, 20)) / 2,
        ):
            if start < inside < end and min(inside - start, end - inside) > 1e-6:
                assert bars.outcome_at(row, e, inside) == outcome


def test_the_ledgers_own_bar_gives_the_cards_verdict():
    row = claim(">", -0.5, scale="reduced")
    words = {"pass": "holds at reduced scale", "open": "inconclusive", "fail": "contradicted"}
    for value in (-2, -0.5, 0.5):
        moved = replace(row, value=str(value))
        verdict = judge(moved, WIDE)
        assert verdict.verdict.startswith(words[bars.outcome_at(row, WIDE, value)])
    for relation, tolerance in ((">=", "0.25"), ("<=", "0.25"), ("=", "0.25"), ("<", "10%")):
        moved = replace(row, relation=relation, tolerance=tolerance)
        own = bars.outcome_at(moved, WIDE, bars.own_bar(moved))
        assert judge(moved, WIDE).verdict.startswith(words[own])


@pytest.mark.parametrize(
    ("row", "asked", "says"),
    [
        (claim("fact", "a"), (1,), "one number"),
        (claim("table", '{"a": 1}'), (1,), "one number"),
        (claim("", "", scale="none"), (1,), "one number"),
        (claim(">", 1), (1, 1), "stands twice"),
        (claim(">", 1), (math.nan,), "finite"),
        (claim(">", 1), ("2",), "finite"),
        (claim(">", 1), (True,), "finite"),
        (claim("=", 1, 1), (-1,), "margins"),
    ],
)
def test_a_bar_that_cannot_be_judged_is_named(row, asked, says):
    assert bars.checked_bars(row, ()) == ()
    with pytest.raises(LedgerError, match=rf"C001: .*{says}"):
        bars.checked_bars(row, asked)


def test_labels_of_near_bars_do_not_cover_each_other():
    assert bars._rows([(50, "-1"), (52, "-0.9"), (54, "-0.8"), (200, "1")]) == [0, 1, 2, 0]


def test_the_colours_of_the_strip_are_those_of_the_verdicts():
    assert {
        name: colour for name, colour in bars.COLOURS.values()
    }.items() <= VERDICT_COLOURS.items()


# What a chapter calls.


@pytest.fixture
def begun(monkeypatch):
    """A run of a chapter whose claims are C001 (an inequality) and C002 (out of reach)."""
    rows = [claim(">", 0, scale="reduced", unit="points"), claim("", "", scale="none", id="C002")]
    monkeypatch.setattr(verdicts, "ledger", lambda: Ledger(rows))
    monkeypatch.setattr(verdicts, "_run", {"chapter": "conv-cost", "preset": "cpu"})
    shown = []
    monkeypatch.setattr(verdicts, "_show", lambda html, text, entry: shown.append((html, entry)))
    return shown


def test_check_keeps_controls_and_bars_in_the_record(begun):
    found = verdicts.check("C001", WIDE, controls={"at equal MACs": [0.1, 0.2, 0.3]}, bars=(1, -2))
    assert found.verdict == "contradicted at reduced scale" and found.bars == (-2, 1)
    ((html, entry),) = begun
    assert entry["bars"] == [-2, 1]
    assert entry["controls"] == {"at equal MACs": asdict(mean_interval([0.1, 0.2, 0.3]))}
    assert entry["measured"] == asdict(WIDE)
    assert "at equal MACs" in html and "lw-strip" in html
    read = notebooks._record(json.loads(json.dumps(entry)))
    assert notebooks.controls(read) == found.controls and read.bars == found.bars
    old = {key: value for key, value in entry.items() if key not in ("controls", "bars")}
    assert notebooks._record(old).controls == {} and notebooks._record(old).bars == ()


@pytest.mark.parametrize(
    ("claim_id", "more", "says"),
    [
        ("C001", {"controls": {"": 1}}, "named by what it holds fixed"),
        ("C001", {"controls": {3: 1}}, "named by what it holds fixed"),
        ("C001", {"controls": {"at equal MACs": "1"}}, "C001, control 'at equal MACs'.*number"),
        ("C001", {"controls": {"at equal MACs": [1.0]}}, "n >= 2"),
        ("C001", {"bars": (math.inf,)}, "finite"),
        ("C002", {"controls": {"at equal MACs": 1}}, "out of reach"),
    ],
)
def test_a_control_or_bar_that_cannot_be_used_is_refused_before_anything_is_shown(
    begun, claim_id, more, says
):
    with pytest.raises(LedgerError, match=says):
        verdicts.check(claim_id, WIDE if claim_id == "C001" else None, **more)
    assert begun == []
