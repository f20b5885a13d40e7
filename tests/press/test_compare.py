"""`lwsurvey compare`: what is the same, what a difference means, and how it is shown."""

from __future__ import annotations

import json
import math
import re
import shlex
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from checkout import CLAIM, Checkout
from click.testing import CliRunner, Result

from lwsurvey.claims.ledger import COLUMNS, Claim, ledger
from lwsurvey.cli import main
from lwsurvey.press.rerun import findings, intervals, recorded
from lwsurvey.press.rerun.comparison import compare_runs, summary
from lwsurvey.press.rerun.findings import Context, compare_records
from lwsurvey.press.rerun.page import page, strip
from lwsurvey.press.rerun.recorded import Recorded
from lwsurvey.press.rerun.report import WIDTH, as_json, text
from lwsurvey.press.rerun.sides import Compared
from lwsurvey.press.results import notebooks
from lwsurvey.press.results.notebooks import Record
from lwsurvey.press.run import freshness
from lwsurvey.press.sources import chapters
from lwsurvey.stats import Estimate, exact, mean_interval

PAGE = (Path(__file__).resolve().parents[2] / "book" / "rerun.md").read_text()
LINES = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.S)).splitlines()
COMMANDS = [shlex.split(line)[1:] for line in LINES if line.startswith("lwsurvey ")]
MINE, THEIRS = "the runs of preset cpu", "the published edition (one)"
PROVENANCE = {
    "processor": "Some 5000", "gpu": None, "cores": 2, "threads": 1, "system": "Linux x86_64",
    "python": "3.11.7", "packages": {"numpy": "2.4.6", "torch": "2.15.0"}, "commit": "abc",
    "date": "2026-01-01",
}  # fmt: skip


def claim(**changed: str) -> Claim:
    return Claim(**dict.fromkeys(COLUMNS, "") | CLAIM | {"id": "C001", "chapter": "x"} | changed)


REDUCED, TIMED = claim(scale="reduced"), claim(scale="reduced", hardware="yes", unit="ms")


def record(measured: object, verdict: str = "holds", name: str = "C001") -> Record:
    if isinstance(measured, Estimate):
        measured = asdict(measured)
    elif isinstance(measured, dict):
        measured = {cell: asdict(estimate) for cell, estimate in measured.items()}
    return Record(name, "x", "cpu", verdict, measured, (), {})


def found(
    mine: object, published: object, of: Claim | None = None, context: Context | None = None,
    verdicts: tuple[str, str] = ("holds", "holds"),
) -> findings.Finding:  # fmt: skip
    pair = (record(one, verdict) for one, verdict in zip((mine, published), verdicts, strict=True))
    return compare_records(of or claim(), *pair, context or Context())


def around(value: float, down: float, up: float | None = None, n: int = 5) -> Estimate:
    return Estimate(value, value - down, value + (down if up is None else up), n)


FLIP = ("contradicted", "holds")


@pytest.mark.parametrize(
    ("mine", "published", "of", "outcome"),
    [
        (exact(300_774_272), exact(300_774_272), claim(), findings.IDENTICAL),
        (exact(300_774_273), exact(300_774_272), claim(), findings.DIFFERS),
        (exact(300.774273), exact(300.774272), claim(unit="M"), findings.DIFFERS),
        (exact(0.1 + 0.2), exact(0.3), claim(), findings.ROUNDING),
        (exact(9e-8), exact(1.2e-7), claim(), findings.ROUNDING),
        ("height", "height", claim(relation="fact"), findings.IDENTICAL),
        ("width", "height", claim(relation="fact"), findings.DIFFERS),
        ("slow", "fast", replace(TIMED, relation="fact"), findings.TIMES),
        (None, None, claim(scale="none"), findings.IDENTICAL),
        (exact(4), "four", claim(), findings.DIFFERS),
        (exact(4), {"a": exact(4)}, claim(), findings.DIFFERS),
        ({"a": exact(4)}, {"b": exact(4)}, claim(), findings.DIFFERS),
        (around(1, 0.3), around(1, 0.3), REDUCED, findings.IDENTICAL),
        # 3, 4, 5: half-widths of 3 and 4 make a band of 5.
        (around(14.99, 4), around(10, 3), REDUCED, findings.WITHIN),
        (around(15.01, 4), around(10, 3), REDUCED, findings.OUTSIDE),
        (around(5.01, 4), around(10, 3), REDUCED, findings.WITHIN),
        (around(4.99, 4), around(10, 3), REDUCED, findings.OUTSIDE),
        (exact(1), exact(0), REDUCED, findings.OUTSIDE),
        (around(14.99, 4), around(10, 3), None, findings.WITHIN),
        (around(80, 1), around(10, 1), TIMED, findings.TIMES),
        (exact(80), exact(10), TIMED, findings.TIMES),
        (around(-1, 1), around(10, 1), TIMED, findings.TIMES),
    ],
)
def test_outcomes_that_are_known(mine, published, of, outcome):
    pair = (record(mine), record(published))
    assert compare_records(of, *pair, Context()).outcome == outcome


def test_of_a_lopsided_interval_the_facing_side_counts():
    published = around(10, 1, 3)
    assert intervals.band(published, around(0, 4, 0.5)) == (
        10 - math.hypot(1, 0.5),
        10 + math.hypot(3, 4),
    )


def test_the_band_is_left_by_one_independent_rerun_in_twenty():
    generator = np.random.default_rng(0)
    draws = generator.normal(0, 1, (2, 600, 40))
    pairs = [tuple(map(mean_interval, pair)) for pair in draws.transpose(1, 0, 2)]
    share = np.mean([not intervals.inside(*pair) for pair in pairs])
    alone = np.mean([not p.low <= m.value <= p.high for p, m in pairs])
    assert 0.025 < share < 0.075 and 0.12 < alone < 0.21


def test_a_ratio_of_times_has_the_interval_of_both():
    mine, published = Estimate(20, 20 / 1.3, 20 * 1.3, 9), Estimate(10, 10 / 1.4, 10 * 1.4, 9)
    ratio = intervals.estimates_ratio(mine, published)
    spread = math.exp(math.hypot(math.log(1.3), math.log(1.4)))
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2, 2 / spread, 2 * spread))
    assert intervals.estimates_ratio(around(1, 2), published).low is None
    assert intervals.estimates_ratio(around(-1, 1), published) is None
    assert str(intervals.estimates_ratio(exact(3), exact(2))) == "×1.5"


@pytest.mark.parametrize(
    ("mine", "of", "context", "unexplained"),
    [
        (exact(5), claim(), Context(), True),
        (exact(5), claim(), Context(besides=("torch",)), True),
        (exact(5), claim(), Context(parameters=("size",)), False),
        (around(9, 1), REDUCED, Context(), True),
        (around(9, 1), REDUCED, Context(parameters=("seeds",)), False),
        (around(4.5, 1), REDUCED, Context(), False),
        (around(9, 1), TIMED, Context(), False),
    ],
)
def test_a_verdict_that_turned_is_explained_or_not(mine, of, context, unexplained):
    published = exact(4) if of.scale == "full" else around(4, 1)
    finding = found(mine, published, of, context, FLIP)
    assert finding.flipped and finding.unexplained is unexplained
    for name in (*context.parameters, *context.besides):
        assert name in finding.reason


@pytest.mark.parametrize("both", [("not judged", "holds"), ("holds", "not judged")])
def test_what_a_busy_machine_did_not_judge_has_not_turned(both):
    finding = found(around(9, 1), around(4, 1), TIMED, verdicts=both)
    assert finding.outcome == findings.BUSY and not (finding.flipped or finding.unexplained)
    assert "threads" in finding.reason


def test_an_older_word_for_the_same_verdict_is_the_same():
    words = ("holds on this hardware", "holds at reduced scale")
    assert found(around(9, 1), around(4, 1), TIMED, verdicts=words).same_verdict


def test_outside_the_band_with_the_same_verdict_is_told_but_no_failure():
    finding = found(around(9, 1), around(4, 1), REDUCED)
    assert finding.outcome == findings.OUTSIDE and not finding.unexplained
    assert "3.5 times as far" in finding.reason and "no version or hardware" in finding.reason


def test_the_same_result_with_another_verdict_is_the_ledgers():
    finding = found(exact(4), exact(4), verdicts=FLIP)
    assert finding.unexplained and "the ledger changed" in finding.reason


def test_of_a_table_the_worst_cell_is_named():
    published = {"a": around(1, 0.3), "b": around(2, 0.3), "c": around(3, 0.3)}
    mine = published | {"b": around(2.9, 0.4), "c": around(3.1, 0.3)}
    finding = found(mine, published, REDUCED)
    assert (finding.cell, finding.outcome) == ("b", findings.OUTSIDE)
    assert finding.band == pytest.approx((1.5, 2.5)) and "1 of 3 cells" in finding.reason
    near = found(published | {"c": around(3.1, 0.3)}, published, REDUCED)
    assert (near.cell, near.outcome) == ("c", findings.WITHIN)
    counts = {"a": exact(10), "b": exact(1000)}
    assert found({"a": exact(11), "b": exact(1001)}, counts).cell == "a"


SEEDS = Context(parameters=("seeds",))
FIXED = Context(fixed=True)


@pytest.mark.parametrize(
    ("mine", "published", "of", "context", "outcome"),
    [
        # Arithmetic on printed digits: an interval, but one repeat.
        (around(1.1, 1, n=1), around(1, 1, n=1), claim(), Context(), findings.DIFFERS),
        (around(1, 1.01, n=1), around(1, 1, n=1), claim(), Context(), findings.DIFFERS),
        (around(0.3, 0.2, n=1), around(0.1 + 0.2, 0.2, n=1), claim(), Context(), findings.ROUNDING),
        # Drawn from fixed seeds, with the same versions.
        (around(1.1, 1), around(1, 1), claim(), FIXED, findings.DIFFERS),
        (around(0.3, 0.2), around(0.1 + 0.2, 0.2), claim(), FIXED, findings.ROUNDING),
        (around(1, 1, n=6), around(1, 1), claim(), FIXED, findings.DIFFERS),
        (around(1.1, 1), around(1, 1), claim(), Context(), findings.WITHIN),
        (around(1.1, 1), around(1, 1), REDUCED, FIXED, findings.WITHIN),
        # Not the same kind of result.
        (exact(4), {"a": exact(4)}, claim(), SEEDS, findings.PARAMETERS),
        (None, around(1, 1), REDUCED, SEEDS, findings.PARAMETERS),
        (None, around(1, 1), TIMED, SEEDS, findings.PARAMETERS),
        (None, around(1, 1), TIMED, Context(), findings.TIMES),
        ({"a": exact(4)}, {"b": exact(4)}, TIMED, Context(), findings.TIMES),
        (None, around(1, 1), REDUCED, Context(), findings.DIFFERS),
        # What parameters leave alone is still the same.
        (exact(4), exact(4), claim(), SEEDS, findings.IDENTICAL),
        (exact(5), exact(4), claim(), SEEDS, findings.PARAMETERS),
    ],
)
def test_what_may_move_a_result(mine, published, of, context, outcome):
    finding = found(mine, published, of, context)
    assert finding.outcome == outcome
    assert ("only one side" in finding.reason) is (of is TIMED and context is not SEEDS)


def test_fixed_seeds_draw_the_same_with_the_same_versions_and_device():
    moved, first = record(around(1.1, 1)), run(record(around(1, 1)))
    for changed, outcome in (
        ({"commit": "def", "threads": 2, "processor": "Other"}, findings.DIFFERS),
        ({"python": "3.12.1"}, findings.WITHIN),
        ({"packages": {"torch": "2.11.0"}}, findings.WITHIN),
        ({"gpu": "A GPU"}, findings.WITHIN),
    ):
        mine = run(moved, provenance=PROVENANCE | changed)
        assert compare_runs(mine, first, [claim()]).findings[0].outcome == outcome, changed
    cuda = run(moved, parameters={"seeds": 5, "device": "cuda"})
    assert compare_runs(cuda, first, [claim()]).findings[0].outcome == findings.WITHIN


def test_with_other_parameters_the_end_says_what_was_not_judged():
    claims = [claim(id=f"C00{i}", scale="reduced") for i in range(4)]
    theirs = [record(around(1, 0.1), name=one.id) for one in claims]
    values, verdicts = (1, 1.1, 9, 9), ("holds", "holds", "holds", "contradicted")
    rows = zip(values, verdicts, claims, strict=True)
    mine = [record(around(value, 0.1), verdict, one.id) for value, verdict, one in rows]
    for seeds, last in (
        (9, "of these with another verdict: 1 (C003)."),
        (5, "Not explained by hardware, chance or parameters: C003."),
    ):
        yours = run(*mine, parameters={"seeds": seeds, "device": "cpu"})
        comparison = compare_runs(yours, run(*theirs), claims)
        compared = Compared((comparison,), (MINE, THEIRS), ())
        shown, html = " ".join(text(compared).split()), " ".join(page(compared).split())
        assert shown.endswith(last) and last in html
        assert "Nothing differs that is unexplained" not in shown + html
        counts = json.loads(as_json(compared))["summary"]["not_judged"]
        other = seeds != 5
        assert counts == {
            "claims": 2 * other, "another_verdict": int(other), "turned": ["C003"] * other,
        }  # fmt: skip
        judged = "Not judged, because parameters differ: 2 of 4 claims; "
        assert (judged in shown) is (judged in html) is other
    same = compare_runs(run(*theirs, parameters={"seeds": 9}), run(*theirs), claims)
    shown = " ".join(text(Compared((same,), (MINE, THEIRS), ())).split())
    assert "(4 identical)" in shown and "parameters differ: 0 of 4 claims" in shown
    assert "Nothing differs" not in shown
    calm = compare_runs(run(*theirs), run(*theirs), claims)
    assert text(Compared((calm,), (MINE, THEIRS), ())).endswith("is unexplained.\n")


def test_chance_is_expected_only_where_it_can_move_something():
    claims = [claim(id=f"C00{i}", scale="reduced") for i in range(4)]
    theirs = (around(1, 0.1), around(1, 0.1), around(1, 0.1), exact(1))
    mine = (around(1, 0.1), around(1.1, 0.1), around(9, 0.1), exact(2))
    sides = (
        run(*(record(value, name=one.id) for value, one in zip(values, claims, strict=True)))
        for values in (mine, theirs)
    )
    compared = Compared((compare_runs(*sides, claims),), (MINE, THEIRS), ())
    found_ = summary(compared.comparisons[0].findings)
    assert (found_.banded, found_.outside, found_.bandless) == (2, 1, ("C003",))
    assert found_.expected_outside == pytest.approx(0.1)
    shown = " ".join(text(compared).split())
    assert "1 of the 2 claims that have one and are not identical" in shown
    assert "chance alone would put at most about 0.1 there" in shown
    assert "without an interval on either side: C003" in shown
    assert "go up and down together" in page(compared)


def test_one_sided_claims():
    mine = compare_records(claim(), record(exact(4)), None, Context())
    published = compare_records(None, None, record(exact(4)), Context())
    assert (mine.outcome, published.outcome) == (findings.MINE_ONLY, findings.PUBLISHED_ONLY)
    assert not any(f.unexplained or f.flipped or f.same_verdict for f in (mine, published))


def test_where_the_band_is_drawn():
    at = strip(found(around(14, 4), around(10, 3), REDUCED))
    assert 0 < at["low"] < at["published"] < at["mine"] < at["high"] < at["mine_high"] < 100
    assert strip(found(exact(5), exact(4))) is None
    assert strip(found(exact(1), exact(0), REDUCED))["mine"] > 50


def run(*found: Record, **changed: object) -> Recorded:
    fields = {"preset": "cpu", "parameters": {"seeds": 5, "device": "cpu"}, "seconds": 10.0}
    fields |= {"provenance": PROVENANCE, "records": found}
    return Recorded(chapter="x", **fields | changed)


@pytest.fixture
def mixed() -> Compared:
    """One of each: a count, a count that is off, a flipped time, something in its band."""
    values = (exact(4), exact(5), around(9, 1), around(1, 1))
    theirs = (exact(4), exact(4), around(3, 1), around(1.5, 1))
    claims = [
        claim(id="C001", statement="<b>Bold</b> & long " + "word " * 40),
        claim(id="C002"),
        claim(id="C003", scale="reduced", hardware="yes", unit="ms"),
        claim(id="C004", scale="reduced"),
    ]
    names = [one.id for one in claims]
    verdicts = ("holds", "holds", "contradicted", "holds")
    mine = [record(*row) for row in zip(values, verdicts, names, strict=True)]
    others = [record(m, "holds", name) for m, name in zip(theirs, names, strict=True)]
    where = PROVENANCE | {"gpu": "A GPU", "packages": {"numpy": "2.4.6", "torch": "2.11.0"}}
    parameters = {"seeds": 5, "device": "cuda"}
    yours = run(*mine, provenance=where, parameters=parameters, seconds=5.0)
    comparison = compare_runs(yours, run(*others), claims)
    return Compared((comparison,), (MINE, THEIRS), ("x: not up to date",))


def test_a_chapter_is_summed_up(mixed):
    (comparison,) = mixed.comparisons
    assert comparison.parameters == {} and comparison.seconds.value == 0.5
    assert comparison.versions == {"torch": ("2.11.0", "2.15.0")}
    assert comparison.hardware == {"device": ("cuda", "cpu"), "gpu": ("A GPU", None)}
    assert comparison.times == (3, 3)
    found_ = summary(comparison.findings)
    assert str(found_) == (
        "4 claims: 3 same verdict (1 identical, 1 within the band, 1 different); "
        "1 another verdict (1 as times may)"
    )
    assert found_.unexplained == ("C002",) and found_.banded == 1


def test_where_a_chapter_ran_is_no_other_parameter():
    mine = run(record(exact(5)), parameters={"seeds": 9, "device": "cuda", "jobs": 3, "amp": True})
    comparison = compare_runs(mine, run(record(exact(4))), [claim()])
    assert comparison.parameters == {"seeds": (9, 5)}
    assert comparison.hardware == {"device": ("cuda", "cpu"), "amp": (True, False)}
    assert comparison.findings[0].outcome == findings.PARAMETERS
    assert not comparison.findings[0].unexplained


def test_the_text_fits_80_columns_and_is_quiet_about_what_is_as_expected(mixed):
    short, long = text(mixed), text(mixed, everything=True)
    assert max(map(len, (short + long).splitlines())) <= WIDTH == 80
    assert [name in short for name in ("C001", "C002", "C003", "C004")] == [
        False, True, True, False,
    ]  # fmt: skip
    assert all(name in long for name in ("C001", "C004", "[0.08579, 2.914]"))
    assert "Not explained by hardware, chance or parameters: C002." in short
    assert "other hardware: device cuda (published cpu), gpu A GPU (published none)" in short
    assert "×3 [" in short and "A GPU" in short and "Some 5000, 2 cores" in short


def test_the_page_stands_alone_and_escapes(mixed):
    html = page(mixed)
    assert "&lt;b&gt;Bold&lt;/b&gt; &amp; long" in html and "<b>Bold" not in html
    assert "http" not in html and "<script" not in html and "x: not up to date" in html
    assert html.count("<details>") == 2 and page(mixed, everything=True).count(" open>") == 1


def test_json_keeps_its_form(mixed):
    content = json.loads(as_json(mixed))
    assert list(content) == ["schema", "confidence", "sides", "remarks", "chapters", "summary"]
    (chapter,) = content["chapters"]
    assert list(chapter) == [
        "chapter", "mine", "published", "seconds_ratio", "parameters", "versions", "hardware",
        "claims", "summary",
    ]  # fmt: skip
    assert list(chapter["mine"]) == ["machine", "preset", "parameters", "seconds", "provenance"]
    assert list(chapter["claims"][0]) == [
        "id", "statement", "unit", "kind", "outcome", "same_verdict", "unexplained", "reason",
        "cell", "band", "ratio", "mine", "published",
    ]  # fmt: skip
    assert chapter["claims"][2]["ratio"].keys() == {"value", "low", "high"}
    assert chapter["claims"][3]["band"] == pytest.approx([1.5 - 2**0.5, 1.5 + 2**0.5])
    assert chapter["versions"] == {"torch": {"mine": "2.11.0", "published": "2.15.0"}}
    assert content["summary"]["unexplained"] == ["C002"] and content["schema"] == 1


def test_numbers_at_the_end_of_what_a_float_holds():
    huge = Estimate(1e308, 1e-308, 1.7e308, 5)
    for mine, published in ((huge, around(1, 0.5)), (around(1, 0.5), huge), (huge, around(-1, 1))):
        for of in (REDUCED, TIMED):
            comparison = compare_runs(run(record(mine)), run(record(published)), [of])
            compared = Compared((comparison,), (MINE, THEIRS), ())
            assert as_json(compared) and page(compared) and text(compared, everything=True)


@pytest.fixture
def book(tmp_path, monkeypatch) -> Checkout:
    """Two chapters, both published; the first one was run here too, and found the same."""
    made = Checkout(tmp_path)
    made.chapter("conv-cost")
    made.chapter("relu-collapse")
    monkeypatch.setenv("LWSURVEY_ROOT", str(tmp_path))
    ledger.cache_clear()
    for i, slug in enumerate(("conv-cost", "relu-collapse")):
        keep(slug, f"C{i:03}", "one")
    (recorded.folder() / "PUBLISHED").write_text("one\n")
    finish(made, 4)
    yield made
    ledger.cache_clear()


def keep(slug: str, name: str, machine: str | Path, seconds: float = 10.0) -> None:
    """Record a run of a chapter that found four."""
    parameters = chapters.select(chapters.discover(), (slug,))[0].resolve("cpu")
    made = run(record(exact(4), name=name), parameters=parameters, seconds=seconds)
    recorded.write(replace(made, chapter=slug), recorded.folder() / machine)


def finish(made: Checkout, value: float, slug: str = "conv-cost", preset: str = "cpu") -> None:
    """Put an executed notebook in place, as a run would leave it."""
    chapter = chapters.select(chapters.discover(), (slug,))[0]
    base = preset.removesuffix("+custom")
    where = {"chapter": slug, "preset": base, "parameters": chapter.resolve(base)}
    name = next(c["id"] for c in made.claims if c["chapter"] == slug)
    verdict = {"type": "verdict", "schema": 1, "id": name, "verdict": "holds", "failed": []}
    told = where | {"provenance": PROVENANCE}
    entries = [{"type": "run", **told}, verdict | {"measured": asdict(exact(value)), "run": told}]
    notebook = json.loads(chapter.path.read_text())
    notebook["cells"][-1]["outputs"] = [
        {"output_type": "display_data", "data": {}, "metadata": {"lwsurvey": entry}}
        for entry in entries
    ]
    inputs = freshness.inputs(chapter) | {"data": {}}
    notebook["metadata"]["lwsurvey"] = where | {"schema": 1, "seconds": 5.0, "inputs": inputs}
    folder = notebooks.runs_folder(preset)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{slug}.ipynb").write_text(json.dumps(notebook))


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["compare", *arguments], prog_name="lwsurvey")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command_compares_what_both_sides_have(book):
    result = call()
    assert result.exit_code == 0, result.output
    assert "1 same verdict (1 identical)" in result.stdout
    assert "beside the published edition (one)" in result.stdout
    assert "left out: relu-collapse: never run; lwsurvey run relu-collapse" in result.stderr
    assert "up to date" not in result.stderr
    book.presets["conv-cost"]["gpu"] = {"repeats": 200}
    book.write("conv-cost", ["1 + 1"])
    book.save()
    stale = call()
    assert stale.exit_code == 0 and "conv-cost: not up to date (the notebook" in stale.stderr
    finish(book, 4, preset="smoke")
    finish(book, 4, preset="cpu+custom")
    assert "up to date" not in call("--preset", "cpu+custom").stderr
    book.write("conv-cost", ["1 + 2"])
    book.save()
    assert "conv-cost: not up to date (the notebook" in call("--preset", "cpu+custom").stderr
    assert "smoke is for a look" in call("conv-cost", "--preset", "smoke").stderr


def test_a_count_that_is_off_by_one_ends_with_1(book, tmp_path):
    finish(book, 5)
    for arguments in ((), ("--format", "json"), ("--format", "html")):
        result = call("conv-cost", *arguments)
        assert result.exit_code == 1 and "different" in result.stdout
    out = tmp_path / "mine.html"
    result = call("conv-cost", "--format", "html", "--out", str(out))
    assert result.exit_code == 1 and result.stdout == "" and "<h1>" in out.read_text()


def test_recorded_runs_on_either_side(book, tmp_path):
    keep("conv-cost", "C000", "two", 90.0)
    keep("conv-cost", "C000", tmp_path / "elsewhere", 90.0)
    for arguments in (
        ("--mine", "two"),
        ("--with", "two"),
        ("--mine", str(tmp_path / "elsewhere")),
        ("--mine", "two", "--with", "one", "conv-cost"),
    ):
        result = call(*arguments)
        assert result.exit_code == 0 and "1 same verdict (1 identical)" in result.stdout
        assert "1 min 30 s" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("conv-kost",), "did you mean conv-cost?"),
        (("--preset", "gpux"), "unknown preset 'gpux'"),
        (("--preset", "smoke"), "nothing to compare in preset smoke: conv-cost: never run"),
        (("relu-collapse",), "lwsurvey run relu-collapse --preset cpu"),
        (("--preset", "cpu+custom", "conv-cost"), "--preset cpu -p NAME VALUE"),
        (("--with", "ones"), "unknown hardware or folder 'ones' (did you mean one?)"),
        (("--mine", "nowhere"), "unknown hardware or folder 'nowhere'"),
        (("--format", "csv"), "'csv' is not one of"),
        (("--out", "nowhere/x.html"), "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_ends_with_2(book, arguments, message):
    result = call(*arguments)
    assert result.exit_code == 2 and message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert result.stderr.count("Error:") == 1 and result.stdout == ""


def test_a_side_that_is_damaged_or_gone(book):
    path = recorded.folder() / "one" / "conv-cost.json"
    path.write_text(path.read_text()[:-20])
    damaged = call()
    path.unlink()
    gone = call("conv-cost")
    (recorded.folder() / "PUBLISHED").unlink()
    none = call("conv-cost")
    (book.root / "data" / "claims.csv").unlink()
    lost = call("conv-cost")
    assert {r.exit_code for r in (damaged, gone, none, lost)} == {2}
    assert "no data/claims.csv" in lost.stderr
    assert "one/conv-cost.json is no JSON" in damaged.stderr
    assert "the published edition has no record of it" in gone.stderr
    assert "no published edition in data/recorded" in none.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_of_the_page_exists_with_its_options(arguments):
    name, *rest = arguments
    found = main.commands[name].make_context(name, rest, resilient_parsing=False)
    known = {chapter.slug for chapter in chapters.discover()}
    assert set(found.params.get("slugs", ())) <= known


def test_the_page_is_followed_to_its_end(book, tmp_path, monkeypatch):
    book.chapter("mobilenet-v1", gpu={"repeats": 500})
    ledger.cache_clear()
    keep("mobilenet-v1", "C002", "one")
    for preset in ("cpu", "gpu", "cpu+custom"):
        finish(book, 4, "mobilenet-v1", preset)
    monkeypatch.chdir(tmp_path)
    followed = [line for line in COMMANDS if line[0] in ("compare", "record")]
    for line in followed:
        result = CliRunner().invoke(main, line)
        assert result.exit_code == 0, (line, result.output, result.exception)
    assert len(followed) >= 8 and "1 same verdict (1 identical)" in result.stdout
    assert (recorded.folder() / "my-laptop" / "mobilenet-v1.json").exists()
    assert (tmp_path / "compare.html").exists() and (tmp_path / "compare.json").exists()


def test_the_page_names_every_outcome_and_kind():
    assert all(f"| {name}" in PAGE for name in findings.OUTCOMES[:-2])
    assert all(name in PAGE for name in findings.OUTCOMES)
    kinds = (findings.EXACT, findings.SAMPLED, findings.TIME, findings.WORDS, findings.NOTHING)
    assert all(f"`{kind}`" in PAGE for kind in kinds)
    others = [line for line in LINES if not line.startswith("lwsurvey ")]
    dask = ["dask scheduler --host HOST", "dask worker tcp://HOST:8786 --nthreads 1"]
    assert others == ["make setup", ". .venv/bin/activate", *dask]
