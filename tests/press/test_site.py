"""The site's own code, on a tiny book and without a browser."""

from __future__ import annotations

import subprocess
import threading
import urllib.request
from dataclasses import replace

import nbformat
import pytest
import site_root
from pybtex.database import parse_file

from lwsurvey import paths
from lwsurvey.claims import Ledger
from lwsurvey.claims.ledger import ROLES, LedgerError
from lwsurvey.figures.theme import FAINT, INK
from lwsurvey.press.results.notebooks import ALL_VERDICTS, UNEXAMINED
from lwsurvey.press.site import build as site
from lwsurvey.press.site import notebook, state, verdicts, verify
from lwsurvey.press.site.inline_svg import inline
from lwsurvey.press.site.render import ANSWERS, Renderer
from lwsurvey.press.sources import plan
from lwsurvey.schema import NOT_JUDGED


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A tiny book whose chapter has been run."""
    made = site_root.make(tmp_path / "book-root")
    monkeypatch.setenv("LWSURVEY_ROOT", str(made))
    return made


@pytest.fixture
def known(root):
    """What the tiny book knows."""
    return site_root.known(root)


def test_a_chapter_that_was_not_run_is_named(tmp_path, monkeypatch):
    made = site_root.make(tmp_path / "r", executed=False)
    monkeypatch.setenv("LWSURVEY_ROOT", str(made))
    with pytest.raises(
        site.SiteError, match=r"not executed.*conv-cost; run: lwsurvey run conv-cost"
    ):
        site.build()


def test_a_page_without_a_source_is_named(root):
    with open(root / "book" / "_toc.yml", "a") as toc:
        toc.write("- file: nowhere\n")
    with pytest.raises(site.SiteError, match=r"names nowhere, but there is neither"):
        site.build()


@pytest.mark.parametrize("name", ["book/lost.md", "notebooks/lost.ipynb"])
def test_a_page_that_is_not_listed_is_named(root, name):
    (root / name).write_text("# Lost")
    with pytest.raises(site.SiteError, match=f"_toc.yml does not name {name}"):
        site.build()


def test_no_two_references_are_cited_alike():
    entries = parse_file(paths.root() / "book" / "references.bib").entries.values()
    cited = [
        (*authors[0].last_names, *(authors[1].last_names if len(authors) == 2 else []), year)
        for authors, year in ((e.persons["author"], e.fields["year"]) for e in entries)
    ]
    assert [one for one in cited if cited.count(one) > 1] == []


def test_a_verdict_that_differs_from_the_ledger_stops_the_build(tmp_path, monkeypatch):
    made = site_root.make(tmp_path / "r", measured=5.0)
    monkeypatch.setenv("LWSURVEY_ROOT", str(made))
    with pytest.raises(site.SiteError, match=r"C001.*contradicted.*holds"):
        site.build()


def test_the_edition_lists_the_verdicts_that_hardware_changed(root, known):
    row = known.ledger["C001"]
    timed = replace(
        row, scale="reduced", tolerance="1", hardware="yes", verdict="contradicted on this hardware"
    )
    changed = replace(known, ledger=Ledger([timed, known.ledger["C002"]]))
    pages = [Renderer(s, root / "book").edition() for s in (known, changed)]
    assert ["differ here from the ledger" in page for page in pages] == [False, True]
    assert "C001" in pages[1]


def _asked(known, **changes):
    """What the tiny book knows if its claims are questions."""
    asked = [replace(claim, kind="question", **changes) for claim in known.ledger]
    return replace(known, ledger=Ledger(asked))


def test_questions_show_what_was_asked_expected_and_found(root, known):
    page = Renderer(_asked(known, tolerance_reason="as many as hands"), root / "book").questions()
    done, open_ = page.split('id="question-C002"')
    for part in ("There are two.", "count the things", "2 (as many as hands)", "Measured: 2."):
        assert part in done
    assert "What was expected shows." in done and 'href="conv-cost.html#claim-C001"' in done
    assert "Not examined yet." in open_ and "Measured" not in open_ and "href" not in open_
    assert "ask nothing" not in page


def test_every_verdict_has_an_answer(root, known):
    assert set(ANSWERS) == set(ALL_VERDICTS) and len(set(ANSWERS.values())) == len(ANSWERS)
    record = known.records["C001"]
    for verdict, answer in ANSWERS.items():
        changed = {} if verdict == UNEXAMINED else {"C001": replace(record, verdict=verdict)}
        page = Renderer(replace(_asked(known), records=changed), root / "book").questions()
        assert answer in page.split('id="question-C002"')[0]


def test_questions_are_escaped_and_none_is_said(root, known):
    page = Renderer(_asked(known, statement="<b>?", measure="<i>"), root / "book").questions()
    assert "&lt;b&gt;?" in page and "<b>?" not in page and "<i>" not in page
    assert "ask nothing" in Renderer(known, root / "book").questions()


def test_questions_are_counted(known):
    tallies = _asked(known).tallies()
    assert (tallies["questions"], tallies["questions-examined"]) == ("2", "1")
    assert known.tallies()["questions"] == "0"


def test_a_question_that_is_misspelt_is_named(root, known):
    with pytest.raises(LedgerError, match=r"C001: kind 'questions' is none of .*question"):
        Ledger([replace(known.ledger["C001"], kind="questions")])
    strange = Ledger([replace(known.ledger["C001"], kind="question", source="999.txt")])
    with pytest.raises(plan.PlanError, match=r"sources.yml has no entry for 999.txt"):
        Renderer(replace(known, ledger=strange), root / "book").questions()


def test_the_seeds_questions_are_marked():
    asked = {
        claim.id for claim in Ledger.read(paths.data("claims.csv")) if claim.kind == "question"
    }
    assert {"C175", "C227", "C262", "C504", "C532", "C553", "C554"} <= asked


def test_a_run_of_another_preset_is_refused(root):
    runs = root / "_build" / "runs"
    (runs / "cpu").rename(runs / "gpu")
    (runs / "cpu").mkdir()
    (runs / "gpu" / "conv-cost.ipynb").rename(runs / "cpu" / "conv-cost.ipynb")
    text = (runs / "cpu" / "conv-cost.ipynb").read_text().replace('"cpu"', '"smoke"')
    (runs / "cpu" / "conv-cost.ipynb").write_text(text)
    with pytest.raises(site.SiteError, match="another preset than cpu"):
        site.build()


def test_a_claim_of_an_unplanned_chapter_is_an_error(root, known):
    text = (root / "book" / "plan.yml").read_text().replace("latency:", "lateness:")
    (root / "book" / "plan.yml").write_text(text)
    with pytest.raises(plan.PlanError, match="no chapter latency"):
        state.read(known.ledger, root / "book", root / "_build" / "runs" / "cpu", ["conv-cost"])


@pytest.mark.slow
def test_build_then_warm_then_broken(root):
    """Several properties in one test, because each build takes seconds."""
    folder = site.build()
    assert (folder / "conv-cost.html").is_file() and site.current()
    stamp = (folder / "ledger.html").stat().st_mtime_ns
    assert site.build() == folder and (folder / "ledger.html").stat().st_mtime_ns == stamp
    with open(root / "book" / "errata.md", "a") as page:
        page.write("\nSee {claim}`C999` and {tally}`apples`.\n\n![](_static/logo.svg)\n")
        page.write("\n```{figure} _static/logo.svg\n:alt: a logo\n```\n")
    assert not site.current()
    with pytest.raises(site.SiteError) as caught:
        site.build()
    for part in ("C999", "apples", "without alternative text", "without caption"):
        assert part in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert (folder / "conv-cost.html").is_file(), "the old site must stay"


def test_a_full_disk_is_said_in_one_line(tmp_path):
    output = "WARNING: x\n" + "WARNING: cannot copy: OSError(28, 'No space left on device')\n" * 9
    found = site._complaints(subprocess.CompletedProcess([], 1, "", output), tmp_path)
    assert len(found) == 1 and "No space left" in found[0]


def _page(body: str, size: int = 9_000) -> str:
    return f"<html><body>{body}{' ' * size}</body></html>"


@pytest.fixture
def built(root, tmp_path):
    """The least site that passes, its source, and its ledger."""
    made, source = tmp_path / "site", root / "book"
    (made / "_static" / "mathjax").mkdir(parents=True)
    (made / "notebooks").mkdir()
    (made / "notebooks" / "conv-cost.ipynb").write_text("{}")
    (made / "source").mkdir()
    (made / "source" / "m.html").write_text('<a href="../index.html">x</a>')
    (made / "searchindex.js").write_text("x" * 9_000)
    (made / "_static" / "mathjax" / "tex-chtml.js").write_text("x" * 600_000)
    for name in plan.pages(source):
        (made / f"{name}.html").write_text(_page(""))
    rows = '<table><tr data-verdict="holds"><tr data-verdict="holds"></table>'
    (made / "ledger.html").write_text(_page(rows))
    verdict = '<p id="claim-C001"></p><figure></figure><a href="ledger.html#top">x</a>'
    (made / "conv-cost.html").write_text(_page(verdict.replace("#top", "")))
    run = root / "_build" / "runs" / "cpu" / "conv-cost.ipynb"
    (source / "conv-cost.ipynb").write_text(run.read_text())
    return made, source, Ledger.read(root / "data" / "claims.csv")


def _problems(built):
    return verify.problems(*built, ["conv-cost"])


def test_a_complete_site_passes(built):
    assert _problems(built) == []


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("index.html", None, "index.html is missing"),
        ("index.html", "<p>", "index.html has 3 bytes"),
        ("searchindex.js", None, "searchindex.js has 0 bytes"),
        ("notebooks/conv-cost.ipynb", None, "the download of conv-cost is missing"),
        ("ledger.html", _page('<tr data-verdict="x">'), "the ledger page has 1 rows, not 2"),
        ("conv-cost.html", _page("<figure></figure>"), "does not show the verdict on C001"),
        ("conv-cost.html", _page('<p id="claim-C001">'), "has 0 figures, the run has 1"),
        ("index.html", _page("see {claim}`C1`"), "raw role"),
        ("index.html", _page('<a href="gone.html">'), "gone.html, which does not exist"),
        ("index.html", _page('<a href="ledger.html#C9">'), "which has no such anchor"),
        ("index.html", _page('<a href="source/m.html#f">'), "which has no such anchor"),
        ("source/m.html", _page('<a href="../gone.html">'), "gone.html, which does not exist"),
    ],
)
def test_a_shrunken_or_broken_site_does_not_pass(built, name, text, complaint):
    path = built[0] / name
    path.unlink() if text is None else path.write_text(text)
    assert any(complaint in problem for problem in _problems(built)), _problems(built)


def test_the_page_of_a_chapter(root):
    executed = nbformat.read(root / "_build" / "runs" / "cpu" / "conv-cost.ipynb", 4)
    executed.cells[4].outputs.append(
        nbformat.v4.new_output("stream", name="stderr", text="50%\r100%\n")
    )
    cells = {cell.id: cell for cell in notebook.page(executed, "conv-cost").cells}
    assert "{chapter-head} conv-cost" in cells["title"].source
    assert "remove-cell" in cells["injected"].metadata.tags
    assert cells["answer"].metadata["mystnb"]["code_prompt_show"] == "Show the solution"
    assert "SOLUTION" not in cells["answer"].source
    assert cells["figure"].metadata["mystnb"]["image"]["alt"] == "One line."
    assert len(cells["begin"].outputs) == 1, "a progress bar is no result"


def test_what_was_found_stands_after_the_title(root):
    executed = nbformat.read(root / "_build" / "runs" / "cpu" / "conv-cost.ipynb", 4)
    before = [cell.id for cell in notebook.page(executed, "conv-cost").cells]
    executed.cells[-1].metadata.setdefault("tags", []).append("summary")
    after = [cell.id for cell in notebook.page(executed, "conv-cost").cells]
    assert after == [before[0], before[-1], *before[1:-1]] != before


def test_a_table_of_the_verdicts_stands_below_their_heading(root, known):
    executed = nbformat.read(root / "_build" / "runs" / "cpu" / "conv-cost.ipynb", 4)
    question = next(cell for cell in executed.cells if cell.id == "question")
    question.source = "## Verdicts\n\nAll of them."
    page = notebook.page(executed, "conv-cost")
    found = next(cell for cell in page.cells if cell.id == "question").source
    assert found == "## Verdicts\n\n```{verdict-table} conv-cost\n```\n\n\nAll of them."
    table = Renderer(known, root / "book").verdicts("conv-cost")
    assert '<a href="conv-cost.html#claim-C001">C001</a>' in table and "There are two." in table


def test_only_sentences_are_removed(root):
    executed = nbformat.read(root / "_build" / "runs" / "cpu" / "conv-cost.ipynb", 4)
    cell = next(cell for cell in executed.cells if cell.id == "figure")
    figure = cell.outputs[0]
    table = nbformat.v4.new_output("display_data", {"text/markdown": "```{table} Costs\n```"})
    said = nbformat.v4.new_output("display_data", {"text/markdown": "So it is."})
    folded = {"this figure": [figure], "this table": [said, table], "these tables": [table, table]}
    folded["this table and figure"] = [table, figure]
    for words, outputs in folded.items():
        cell.outputs, cell.metadata["tags"] = outputs, ["remove-input"]
        page = notebook.page(executed, "conv-cost")
        shown = next(cell for cell in page.cells if cell.id == "figure").metadata
        assert shown.tags == ["hide-input"]
        assert shown.mystnb["code_prompt_show"] == f"Show the code of {words}"
    cell.outputs, cell.metadata["tags"] = [said], ["remove-input"]
    page = notebook.page(executed, "conv-cost")
    assert next(c for c in page.cells if c.id == "figure").metadata.tags == ["remove-input"]


def test_a_figures_caption_is_given_to_nothing_beside_it(root):
    executed = nbformat.read(root / "_build" / "runs" / "cpu" / "conv-cost.ipynb", 4)
    cell = next(cell for cell in executed.cells if cell.id == "figure")
    said = nbformat.v4.new_output("display_data", {"text/markdown": "So it is."})
    cell.outputs = [said, *cell.outputs, said, said, *cell.outputs]
    cell.metadata["tags"] = ["hide-input"]
    parts = [c for c in notebook.page(executed, "conv-cost").cells if c.id.startswith("figure")]
    captions = [part.metadata.get("mystnb", {}).get("figure", {}).get("caption") for part in parts]
    assert captions == [None, "A line.", None, "A line."]
    assert [len(part.outputs) for part in parts] == [1, 1, 2, 1]
    assert [part.metadata.tags for part in parts] == [["hide-input"], *[["remove-input"]] * 3]
    assert len({part.id for part in parts}) == 4 and all(part.source for part in parts)
    assert cell.outputs and parts[0].metadata.mystnb["code_prompt_show"] == (
        "Show the code of these figures"
    )
    cell.metadata["tags"] = ["remove-cell"]
    parts = [c for c in notebook.page(executed, "conv-cost").cells if c.id.startswith("figure")]
    assert all("remove-cell" in part.metadata.tags for part in parts), "it was to stay hidden"


def test_badges_can_be_read_on_both_themes():
    for theme, page in verdicts.PAGES.items():
        for colour in verdicts.VERDICT_COLOURS.values():
            tint = verdicts.mix(page, colour, verdicts.TINT[theme])
            assert (
                verdicts.contrast(verdicts.readable_shade(colour, tint, theme), tint)
                >= verdicts.CONTRAST
            )
    assert verdicts.contrast("#000000", "#ffffff") == pytest.approx(21)


def test_an_inlined_figure_takes_the_colours_of_the_page():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'width="504pt"><style>*{fill:red}</style><metadata/><g id="a" clip-path="url(#b)" '
        f'style="stroke: {INK}"/><use xlink:href="#a" fill="{FAINT}"/></svg>'
    )
    text = inline(svg, "p-", 'A "line".')
    assert 'id="p-a"' in text and "url(#p-b)" in text and 'href="#p-a"' in text
    assert INK not in text and FAINT not in text and "currentColor" in text
    assert "<style" not in text and "metadata" not in text
    assert 'role="img"' in text and "A &quot;line&quot;." in text


def test_the_figure_has_a_tile_for_every_claim(known):
    html = verdicts.figure(known)
    tiles = html.count("<title>")
    assert tiles == len(known.ledger) == 2
    assert 'href="conv-cost.html#claim-C001"' in html and 'href="ledger.html#C002"' in html
    assert "1 not examined yet" in verdicts.summary(known)


def test_the_legend_says_each_family_of_verdicts_once(known):
    html = verdicts.figure(known)
    legend = html[html.index("lw-legend") :]
    assert legend.count("<li>") == 6 and legend.count("> contradicted<") == 1
    missing = [v for v in ALL_VERDICTS if f'aria-label="{v}"' not in legend]
    assert missing == [NOT_JUDGED], "only on a machine that was busy there is something to say"
    (record,) = known.records.values()
    busy = replace(known, records={"C001": replace(record, verdict=NOT_JUDGED)})
    assert f'aria-label="{NOT_JUDGED}"' in verdicts.figure(busy)
    assert "> on this hardware</a>" in legend and 'id="lw-t-contradicted-on-this-hardware"' in html


def test_tallies_are_counted(known):
    tallies = known.tallies()
    assert (tallies["claims"], tallies["examined"], tallies["holds"]) == ("2", "1", "1")
    assert (tallies["statistical"], tallies["expected-false"]) == ("0", "0.0")


def _wrong(known, *repeats: str):
    """What the tiny book knows if its claims are errata, the second by repetition."""
    wrong = {"verdict": "erratum", "correction": "It is 4.", "correction_value": "4"}
    wrong |= {"basis": "counted", "origin": "paper", "chapter": "conv-cost"}
    rows = [replace(c, same_as=s, **wrong) for c, s in zip(known.ledger, repeats, strict=True)]
    found = {c.id: replace(known.records["C001"], id=c.id, verdict="erratum") for c in rows}
    return replace(known, ledger=Ledger(rows), records=found)


def test_errata_are_counted_once_by_whose_slip_they_are(root, known):
    two = Renderer(_wrong(known, "", ""), root / "book").errata()
    assert "<p>2 distinct slips: 2 copied from the paper.</p>" in two and "repeat" not in two
    one = Renderer(_wrong(known, "", "C001"), root / "book").errata()
    assert "1 distinct slip: 1 copied from the paper. 1 more repeats one" in one
    assert 'repeats <a href="ledger.html#C001">C001</a>' in one
    assert one.count("Copied from the paper") == 2


def test_the_ledger_shows_basis_repetition_and_origin(root, known):
    names = [dict.fromkeys(_keys(root), "x")] * 2
    html = Renderer(_wrong(known, "", "C001"), root / "book").ledger(*names)
    assert 'data-basis="counted"' in html and 'data-basis="counted repetition"' in html
    assert html.count("Repeats") == 1 and html.count("<small>copied from the paper") == 2
    assert (
        "<option>transcribed</option>" in html
        and "<span>counted <small>number, full</small>" in html
    )


def test_the_tallies_of_what_was_examined_add_up(known):
    tallies = {name: float(number) for name, number in known.tallies().items()}
    assert sum(tallies[f"{role.replace(' ', '-')}-examined"] for role in ROLES) == 1
    assert tallies["test-examined"] == tallies["test-holds"] == 1
    tallies = _wrong(known, "", "C001").tallies()
    assert (tallies["erratum"], tallies["test-erratum"]) == ("2", "1")
    assert tallies["repetition-examined"] == "1"


def test_statements_are_escaped(root, known):
    html = Renderer(known, root / "book").ledger(*[dict.fromkeys(_keys(root), "<b>")] * 2)
    assert "&lt;b&gt;" in html and html.count("data-verdict") == 2


def _keys(root):
    return (
        line.split(": ")[1] for line in (root / "book" / "sources.yml").read_text().splitlines()[1:]
    )


def test_serving(root, tmp_path):
    with pytest.raises(site.SiteError, match=r"no site in .*make book"):
        site.server(tmp_path / "none", 0)
    (tmp_path / "index.html").write_text("<p>it</p>" * 100)
    with site.server(tmp_path, 0) as running:
        with pytest.raises(site.SiteError, match="is taken"):
            site.server(tmp_path, running.server_port)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{running.server_port}/"
        with urllib.request.urlopen(url) as answer:
            assert answer.read().startswith(b"<p>it")
        running.shutdown()
