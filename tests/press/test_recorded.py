"""Recorded runs: distilled, written, read back; and what is refused with one clear line."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
import site_root
import torch
from checkout import Checkout
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lwsurvey import provenance
from lwsurvey.claims import verdicts
from lwsurvey.claims.ledger import VERDICTS, Ledger, ledger
from lwsurvey.cli import main
from lwsurvey.press.rerun import form, recorded
from lwsurvey.press.rerun.recorded import RecordedError
from lwsurvey.press.results import hardware, notebooks
from lwsurvey.press.run import freshness
from lwsurvey.press.site import build as site
from lwsurvey.press.site.render import Renderer
from lwsurvey.press.sources import chapters
from lwsurvey.stats import Estimate

PROVENANCE = site_root.PROVENANCE | {"processor": "AMD EPYC 9B14 96-Core Processor", "gpu": None}
ESTIMATE = {
    "value": 2.0, "low": 1.5, "high": 2.5, "n": 9, "detectable": 0.7, "note": "busy", "runs": "9",
    "unjudged": "two threads, and a busy core",
}  # fmt: skip
MEASURED = {
    "C001": ESTIMATE,
    "C002": {"value": ESTIMATE, "other": ESTIMATE | {"note": ""}},
    "C003": "a phrase of “words”",
    "C004": None,
}
CONTENT = {
    "schema": 3,
    "chapter": "conv-cost",
    "preset": "cpu",
    "parameters": {"preset": "cpu", "seeds": 3, "sizes": [1, 2.5], "options": {}, "limit": None},
    "seconds": 12.3,
    "provenance": PROVENANCE,
    "claims": [
        {"id": claim, "verdict": "holds", "measured": measured, "failed": ["other"]}
        | ({"controls": {"at equal MACs": ESTIMATE}, "bars": [1.0, 2]} if claim == "C001" else {})
        for claim, measured in MEASURED.items()
    ],
}


@pytest.fixture
def place(tmp_path):
    """A folder with one valid recorded run."""
    _put(tmp_path, json.dumps(CONTENT))
    return tmp_path


def _put(place, text: str | bytes):
    path = place / "a-machine" / "conv-cost.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def _changed(place: tuple, value: object) -> str:
    """The valid content as JSON, with one value replaced; or removed, if it is `...`."""
    content = json.loads(json.dumps(CONTENT))
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return json.dumps(content)


def _says(path) -> str:
    with pytest.raises(RecordedError) as caught:
        recorded.read(path)
    message = str(caught.value)
    assert message.startswith("a-machine/conv-cost.json ") and "\n" not in message
    assert message.endswith("; record it again with: lwsurvey record conv-cost")
    return message


def test_what_is_written_is_read_back_and_written_alike(place):
    run = recorded.read(place / "a-machine" / "conv-cost.json")
    path = recorded.write(run, place / recorded.name(run))
    assert path == place / "amd-epyc-9b14-2-cores" / "conv-cost.json"
    assert recorded.read(path) == run and run.machine() == "AMD EPYC 9B14, 2 cores"
    before = path.read_text()
    assert recorded.write(recorded.read(path), path.parent).read_text() == before
    assert [p.name for p in path.parent.iterdir()] == ["conv-cost.json"], "no file is left over"
    assert {r.id: r.measured for r in run.records} == MEASURED
    assert isinstance(notebooks.measurement(run.records[1])["value"], Estimate)


def test_a_run_of_version_1_is_read_and_has_no_controls(place):
    first = CONTENT["claims"][0]
    old = {key: first[key] for key in ("id", "verdict", "failed")}
    measured = {key: value for key, value in ESTIMATE.items() if key != "runs"}
    claims = [old | {"measured": measured}]
    run = recorded.read(_put(place, json.dumps(CONTENT | {"schema": 1, "claims": claims})))
    (record,) = run.records
    assert (record.controls, record.bars) == ({}, ())
    assert notebooks.measurement(record) == Estimate(**measured)


def test_a_claim_more_is_a_line_more(place):
    run = recorded.read(place / "a-machine" / "conv-cost.json")
    one, other = (recorded.as_text(r) for r in (run, replace(run, records=run.records[1:])))
    assert set(other.splitlines()) < set(one.splitlines())
    assert len(one.splitlines()) == len(other.splitlines()) + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        (b"\xff\xfe", "is no text in UTF-8"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"schema": 1, "x": ' + "[" * 50 + "]" * 50 + "}", "is nested too deeply"),
        (" " * (5 * 2**20 + 1), "is larger than 5 MiB"),
        ("[]", "is no recorded run"),
        ('{"schema": true}', "is no recorded run"),
        ('{"schema": "1"}', "is no recorded run"),
        ('{"schema": 1, "schema": 2}', "has the same name twice"),
        ('{"schema": 1' + "0" * 200 + "}", "has a number that is too large"),
        (
            '{"schema": 4}',
            "was made by a newer version of lwsurvey (schema 4, this one reads 1 to 3",
        ),
        ('{"schema": 0}', "was made by an older version of lwsurvey"),
        ('{"schema": 1}', "is a required property"),
        (json.dumps(CONTENT).replace("12.3", "NaN"), "has NaN, which is no number"),
        (json.dumps(CONTENT).replace("12.3", "-Infinity"), "has -Infinity, which is no"),
        (json.dumps(CONTENT).replace("12.3", "1e999"), "has a number that is too large"),
        (_changed(("chapter",), "se"), "is of the chapter se"),
        (_changed(("chapter",), "../se"), "chapter: '../se' does not match"),
        (_changed(("seconds",), "12"), "seconds: '12' is not of type 'number'"),
        (_changed(("seconds",), -1), "seconds: -1 is less than the minimum"),
        (_changed(("parameters",), [1]), "parameters: [1] is not of type 'object'"),
        (_changed(("provenance", "gpu"), ...), "provenance: 'gpu' is a required property"),
        (_changed(("provenance", "cores"), 2.5), "provenance.cores: 2.5 is not of type"),
        (_changed(("provenance", "home"), {"a": 1}), "provenance.home: "),
        (_changed(("provenance", "cluster"), ["a"]), "provenance.cluster: ['a'] is not of type"),
        (_changed(("provenance", "processor"), "\x1b[2J"), "cannot be printed"),
        (_changed(("provenance", "processor"), "\ud800"), "cannot be printed"),
        (_changed(("more",), 1), "Additional properties are not allowed"),
        (_changed(("$ref",), "https://example.org/x"), "Additional properties are not allowed"),
        (_changed(("claims",), []), "claims: [] should be non-empty"),
        (_changed(("claims", 1, "id"), "C001"), "decides more than once: C001"),
        (_changed(("claims", 0, "id"), "first"), "claims[0].id: 'first' does not match"),
        (_changed(("claims", 0, "verdict"), "true"), "claims[0].verdict: 'true' is not one of"),
        (_changed(("claims", 0, "measured"), 3), "claims[0].measured: 3 is not of type"),
        (_changed(("claims", 0, "measured", "n"), ...), "measured: 'n' is a required"),
        (_changed(("claims", 1, "measured", "value", "n"), 0), "measured.value.n: 0 is less"),
        (_changed(("claims", 1, "measured", "other"), 3), "measured.other: 3 is not of type"),
        (_changed(("claims", 0, "measured", "low"), 9), "C001: the interval must contain"),
        (_changed(("claims", 0, "failed"), "all"), "claims[0].failed: 'all' is not of type"),
    ],
)
def test_damage_is_named(place, text, message):
    assert message in _says(_put(place, text))


def test_a_file_that_is_missing_or_a_folder_is_named(place):
    path = place / "a-machine" / "conv-cost.json"
    path.unlink()
    assert "does not exist" in _says(path)
    path.mkdir()
    assert "cannot be read" in _says(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


def _paths(value: object, at: tuple = ()) -> list[tuple]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    inner = [((*at, key), part) for key, part in items]
    deep = [
        p for where, part in inner if isinstance(part, dict | list) for p in _paths(part, where)
    ]
    return [where for where, _ in inner] + deep


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(where=st.sampled_from([(), *_paths(CONTENT)]), value=JSON)
def test_any_json_is_a_run_or_one_clear_line(tmp_path_factory, where, value):
    path = _put(tmp_path_factory.mktemp("any"), _changed(where, value) if where else "")
    if not where:
        path.write_text(json.dumps(value))
    try:
        run = recorded.read(path)
    except RecordedError as error:
        assert "\n" not in str(error) and str(error).isprintable()
    else:
        assert run.chapter == "conv-cost" and recorded.write(run, path.parent).is_file()
        assert all(record.verdict in VERDICTS for record in run.records)


def test_the_schema_names_no_host_and_knows_the_verdicts():
    schema = json.loads((form.PACKAGE.parent / form.SCHEMA_FILE).read_text())
    assert schema["$id"].startswith("urn:")
    assert schema["$defs"]["claim"]["properties"]["verdict"]["enum"] == list(VERDICTS)


H200, INTEL = "NVIDIA H200", "Intel(R) Xeon(R) CPU @ 2.20GHz"


@pytest.mark.parametrize(
    ("processor", "gpu", "preset", "device", "machine", "name"),
    [
        (INTEL, None, "cpu", None, "Intel Xeon, 2 cores", "intel-xeon-2-cores"),
        (INTEL, H200, "cpu", "cpu", "Intel Xeon, 2 cores", "intel-xeon-2-cores"),
        (INTEL, H200, "gpu", "cuda", H200, "nvidia-h200"),
        (INTEL, H200, "gpu", "cuda:0", H200, "nvidia-h200"),
        (INTEL, H200, "gpu", None, "Intel Xeon, 2 cores", "intel-xeon-2-cores-gpu"),
        (INTEL, None, "gpu", "cuda", "Intel Xeon, 2 cores", "intel-xeon-2-cores-gpu"),
        (INTEL, None, "cpu+custom", None, "Intel Xeon, 2 cores", "intel-xeon-2-cores-cpu-custom"),
        ("Apple M2", None, "gpu", "mps", "Apple M2 GPU", "apple-m2-gpu"),
        ("AMD Ryzen 7 5800X 8-Core Processor", None, "cpu", None, "AMD Ryzen 7 5800X, 2 cores",
         "amd-ryzen-7-5800x-2-cores"),
        ("AMD Ryzen 5 5500U with Radeon Graphics", None, "cpu", None, "AMD Ryzen 5 5500U, 2 cores",
         "amd-ryzen-5-5500u-2-cores"),
        ("11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", None, "cpu", None,
         "11th Gen Intel Core i7-1165G7, 2 cores", "11th-gen-intel-core-i7-1165g7-2-cores"),
        ("Processor", None, "cpu", None, "unknown processor, 2 cores", "unknown-processor-2-cores"),
        ("../../" * 30, None, "cpu", None, f"{'../../' * 30}, 2 cores", "2-cores"),
    ],
)  # fmt: skip
def test_hardware_has_a_name_for_people_and_one_for_a_folder(
    processor, gpu, preset, device, machine, name
):
    where = PROVENANCE | {"processor": processor, "gpu": gpu}
    parameters = {"device": device} if device else {}
    assert hardware.machine(parameters, where) == machine
    assert hardware.slug(preset, parameters, where) == name
    assert recorded.NAME.fullmatch(name)


def test_the_published_edition_is_the_named_folder(place):
    (place / "schema-3.json").write_text("{}")
    with pytest.raises(RecordedError, match=r"has no PUBLISHED.*lwsurvey record --publish"):
        recorded.published(place)
    recorded.publish("a-machine", place)
    assert list(recorded.published(place)) == ["conv-cost"]
    assert recorded.read_all(place) == {"a-machine": recorded.published(place)}
    recorded.publish("another", place)
    with pytest.raises(RecordedError, match="has no run in another"):
        recorded.published(place)
    (place / "PUBLISHED").write_text("../a-machine\n")
    with pytest.raises(RecordedError, match="must hold the name of a folder"):
        recorded.published(place)
    assert recorded.read_all(place / "nowhere") == {}


# The command line.


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Checkout:
    monkeypatch.setenv("LWSURVEY_ROOT", str(tmp_path))  # first: what follows writes results
    made = Checkout(tmp_path)
    ledger.cache_clear()
    for slug in ("conv-cost", "se"):
        made.chapter(slug)
        finish(made, slug)
    yield made
    ledger.cache_clear()


def finish(made: Checkout, slug: str, preset: str = "cpu", **changes: object) -> None:
    """Put an executed notebook in place, as a run would; what it notes of itself can be changed."""
    chapter = chapters.select(chapters.discover(), (slug,))[0]
    claim = next(c["id"] for c in made.claims if c["chapter"] == slug)
    base = preset.removesuffix(notebooks.CUSTOM)
    run = {"chapter": slug, "preset": base, "parameters": {}, "provenance": PROVENANCE}
    verdict = {"schema": 1, "id": claim, "verdict": "holds", "measured": ESTIMATE, "failed": []}
    entries = {"type": "run", **run}, {"type": "verdict", **verdict, "run": run}
    notebook = json.loads(chapter.path.read_text())
    notebook["cells"][-1]["outputs"] = [{"metadata": {"lwsurvey": entry}} for entry in entries]
    facts = {"schema": 1, "parameters": chapter.resolve(base), "seconds": 3.5}
    inputs = freshness.inputs(chapter) | {"data": {}}
    kept = {"chapter": slug, "preset": base, **facts, "inputs": inputs} | changes
    notebook["metadata"]["lwsurvey"] = kept
    folder = made.root / "_build" / "runs" / preset
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{slug}.ipynb").write_text(json.dumps(notebook))


def call(arguments: str) -> Result:
    result = CliRunner().invoke(main, ["record", *arguments.split()], prog_name="lwsurvey")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _files(made: Checkout) -> list[str]:
    place = made.root / "data" / "recorded"
    return sorted(str(p.relative_to(place)) for p in place.rglob("*") if p.is_file())


def test_all_fresh_results_are_recorded_replaced_and_kept(checkout):
    first = call("")
    assert first.exit_code == 0 and "new: conv-cost, se" in first.output
    assert "AMD EPYC 9B14, 2 cores" in first.output
    assert _files(checkout) == [f"amd-epyc-9b14-2-cores/{s}.json" for s in ("conv-cost", "se")]
    finish(checkout, "se", seconds=9.9)
    assert "unchanged: conv-cost" in (again := call("").output) and "replaced: se" in again
    assert "kept from before: se" in call("conv-cost").output
    checkout.chapter("latency")
    other = call("--name here --publish")
    assert other.exit_code == 1 and "not up to date: latency (never run)" in other.output
    assert "not recorded: latency (never run)" in call("--name here").output
    finish(checkout, "latency")
    assert "published edition: here" in call("--name here --publish").output
    assert set(recorded.published()) == {"conv-cost", "se", "latency"}


def test_runs_with_parameters_of_ones_own_say_so(checkout):
    finish(checkout, "se", "cpu+custom", parameters={"preset": "cpu", "repeats": 7, "rate": 0.5})
    assert call("se --preset cpu+custom --name more").exit_code == 0
    run = recorded.read_all()["more"]["se"]
    assert run.preset == "cpu+custom" and run.parameters["repeats"] == 7


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("sea", 2, "unknown chapter 'sea' (did you mean se?)"),
        ("--preset cpuu", 2, "unknown preset 'cpuu' (did you mean cpu?)"),
        ("--preset smoke", 1, "a smoke run is for a look"),
        ("--preset smoke+custom", 1, "a smoke run is for a look"),
        ("--preset cpu+custom", 1, "say with --name under which name"),
        ("--preset cpu+custom --name x se", 1, "se (never run); first run with your parameters"),
        ("--preset gpu", 1, "not up to date: conv-cost (never run); se (never run); first run: "),
        ("--preset gpu --publish", 1, "the published edition is of the preset cpu, not gpu"),
        ("se --publish", 1, "made of all chapters at once, not of se alone; name none"),
        ("--name ../x", 1, "'../x' is no name for a folder"),
        ("--name .x", 1, "'.x' is no name for a folder"),
        ("--name PUBLISHED", 1, "'PUBLISHED' is no name for a folder"),
    ],
)
def test_what_cannot_be_recorded_is_refused(checkout, arguments, code, message):
    checkout.presets["se"]["gpu"] = checkout.presets["conv-cost"]["gpu"] = {}
    checkout.save()
    result = call(arguments)
    assert (result.exit_code, _files(checkout)) == (code, []) and message in result.output


def test_nothing_is_written_if_one_result_is_stale_damaged_or_of_another_chapter(checkout):
    source = checkout.root / "notebooks" / "se.ipynb"
    before = source.read_text()
    source.write_text(before.replace("About se", "About all"))
    assert "se (the notebook changed); first run: lwsurvey run se" in call("conv-cost se").output
    source.write_text(before)
    for changes, message in (
        ({"seconds": -1}, "seconds: -1 is less than"),
        ({"chapter": "conv-cost"}, "has verdicts of another chapter, se"),
    ):
        finish(checkout, "se", **changes)
        result = call("")
        assert result.exit_code == 1 and message in result.output
        assert "run it again: lwsurvey run se --force" in result.output
    path = notebooks.runs_folder() / "se.ipynb"
    finish(checkout, "se")
    path.write_text(path.read_text().replace('"type": "run"', '"type": "ran"'))
    assert "has 0 calls of claims.begin, not one" in call("").output
    assert _files(checkout) == []


@pytest.mark.parametrize("name", ["", " --name here"])
def test_one_edition_is_of_one_machine(checkout, name):
    run = recorded.distil(notebooks.runs_folder() / "se.ipynb")
    text = (notebooks.runs_folder() / "se.ipynb").read_text()
    (notebooks.runs_folder() / "se.ipynb").write_text(text.replace("EPYC 9B14", "EPYC 7763"))
    result = call(f"--publish{name}")
    assert result.exit_code == 1 and "of one machine, these runs are of 2: amd-epyc-9b14" in (
        result.output
    )
    assert recorded.name(run) == "amd-epyc-9b14-2-cores" and _files(checkout) == []


def test_an_edition_holds_nothing_but_the_chapters_of_the_book(checkout):
    assert call("--name here").exit_code == 0
    folder = recorded.folder() / "here"
    (folder / "conv-cost.json").rename(folder / "old.json")
    result = call("--name here --publish")
    assert result.exit_code == 1 and "no chapter of the book" in result.output
    assert ": old.json; delete them first" in result.output
    assert _files(checkout) == ["here/old.json", "here/se.json"], "nothing was written"
    (folder / "old.json").unlink()
    (folder / "se.json").write_text('{"of": "another preset"}')
    assert "replaced: se" in call("--name here --publish").output
    assert {run.preset for run in recorded.published().values()} == {"cpu"}


# The records of this book.


def test_the_published_edition_says_what_the_ledger_says():
    found = recorded.published()  # fails with one line if none is committed
    slugs = [chapter.slug for chapter in chapters.discover()]
    assert sorted(found) == sorted(slugs), "record them all with: lwsurvey record --publish"
    for slug, run in found.items():
        claims = {claim.id for claim in ledger().of_chapter(slug)}
        assert {record.id for record in run.records} == claims, slug
    verdicts = {record.id: record for run in found.values() for record in run.records}
    assert notebooks.differences(ledger(), verdicts, slugs) == []
    assert {run.preset for run in found.values()} == {chapters.PUBLISHED}
    assert len({recorded.name(run) for run in found.values()}) == 1, "it is of one machine"


def test_a_stated_verdict_that_no_run_decides_is_a_difference():
    """Of a claim without one, the tests of the notebooks ask that its chapter decides it."""
    stated = next(claim for claim in ledger() if claim.verdict)
    open_ = replace(stated, verdict="")
    found = notebooks.differences(Ledger([stated]), {}, [stated.chapter])
    assert found == [f"{stated.id}: the chapter {stated.chapter} does not decide it"]
    (found,) = notebooks.differences(Ledger([stated]), {}, [])
    assert found.endswith(f"but no chapter {stated.chapter}")
    assert notebooks.differences(Ledger([open_]), {}, [stated.chapter]) == []


def test_each_record_of_this_book_can_be_read():
    assert recorded.published() == recorded.read_all()[recorded.published_name()]


# Which GPU is noted.


@pytest.mark.parametrize(
    ("device", "gpu", "memory"),
    [
        ("cuda", "the current one", "8.0 GiB"),
        ("cuda:0", "A", "16.0 GiB"),
        ("cuda:1", "B", "32.0 GiB"),
        ("cpu", "the current one", "8.0 GiB"),
    ],
)
def test_the_gpu_that_was_asked_for_is_noted(monkeypatch, device, gpu, memory):
    gpus = {"cuda": ("the current one", 8), "cuda:0": ("A", 16), "cuda:1": ("B", 32)}
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: gpus[device][0])
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda device: SimpleNamespace(total_memory=gpus[device][1] * 2**30),
    )
    monkeypatch.setattr(provenance, "driver", lambda: "1")
    found = provenance.accelerator(device)
    assert (found["gpu"], found["gpu_memory"]) == (gpu, memory)


def test_a_run_notes_its_own_gpu(monkeypatch):
    shown = []
    monkeypatch.setattr(provenance, "provenance", lambda device, _: PROVENANCE | {"gpu": device})
    monkeypatch.setattr(verdicts, "_run", {})
    monkeypatch.setattr(verdicts, "display", lambda *_, metadata, **__: shown.append(metadata))
    for parameters in ({"device": "cuda:1"}, {}):
        verdicts.begin("conv-cost", preset="gpu", **parameters)
    assert [one["lwsurvey"]["provenance"]["gpu"] for one in shown] == ["cuda:1", "cuda"]


# The page "This edition", and the badge of a chapter.


@pytest.fixture
def known(tmp_path, monkeypatch):
    """What a tiny book knows whose one run was recorded."""
    made = site_root.make(tmp_path / "book")
    monkeypatch.setenv("LWSURVEY_ROOT", str(made))
    runs = made / "_build" / "runs" / "cpu"
    run = recorded.distil(runs / "conv-cost.ipynb")
    recorded.write(run, recorded.folder() / recorded.name(run))
    found = site_root.known(made)
    return replace(found, recorded=recorded.read_all())


def _page(known, piece: str, *arguments: str) -> str:
    from lwsurvey import paths

    return getattr(Renderer(known, paths.root() / "book"), piece)(*arguments)


def test_the_page_shows_each_recorded_hardware_beside_this_edition(known):
    ((name, runs),) = known.recorded.items()
    page = _page(known, "recorded")
    assert name in page and "1 same" in page and "No verdict differs." in page
    open_ = asdict(Estimate(2.0, 1.0, 3.0, 9))
    otherwise = replace(runs["conv-cost"].records[0], verdict="inconclusive", measured=open_)
    other = replace(runs["conv-cost"], seconds=61, preset="gpu", records=(otherwise,))
    more = known.recorded | {"other": {"conv-cost": other}, "third": {}}
    page = _page(replace(known, recorded=more, published="other"), "recorded")
    for part in ("1 min 1 s", "0 same", "1 different", "preset gpu", "not recorded", "published"):
        assert part in page
    assert 'href="conv-cost.html#claim-C001">C001' in page and "</span> inconclusive" in page
    page = _page(replace(known, recorded=more), "machines")
    assert page.count("<td>abc</td>") == 3 and "Processor" in page and "numpy" in page


def test_the_page_says_how_to_record_if_nothing_is(known):
    page = _page(replace(known, recorded={}), "recorded")
    assert "<table" not in page and "lwsurvey record" in page
    assert "This edition" in _page(replace(known, recorded={}), "machines")


def test_a_chapter_says_what_it_was_run_on(known):
    badge = _page(known, "head", "conv-cost")
    assert 'href="edition.html">Run on a, 2 cores with preset cpu, 2026-01-01, in 1.5 s<' in badge
    assert "a, 2 cores" in _page(known, "edition")


def test_seeds_on_a_cluster_are_told(known):
    assert "cluster" not in _page(known, "head", "conv-cost") + _page(known, "edition")
    words = "4 workers: AMD EPYC 9B14"
    facts, run = known.runs["conv-cost"], known.recorded["a-2-cores"]["conv-cost"]
    where = run.provenance | {"cluster": words}
    again = replace(run, provenance=where)
    kept = recorded.read(recorded.write(again, recorded.folder() / "other"))
    assert kept.provenance["cluster"] == words
    state_ = replace(
        known,
        runs={"conv-cost": facts | {"run": facts["run"] | {"provenance": where}}},
        recorded={"other": {"conv-cost": again}},
    )
    assert "Run on a, 2 cores, seeds on a cluster, with" in _page(state_, "head", "conv-cost")
    for page in ("edition", "recorded"):
        assert f"a, 2 cores; seeds on a cluster ({words})" in _page(state_, page)
    assert _page(state_, "machines").count(f"<td>{words}</td>") == 2


def test_a_damaged_record_stops_the_build_with_one_line(known):
    next(recorded.folder().glob("*/*.json")).write_text("{")
    with pytest.raises(site.SiteError, match=r"conv-cost.json is no JSON.*record it again"):
        site.build()


def test_a_new_record_makes_the_site_out_of_date(known):
    root = recorded.folder().parents[1]
    before = site.content_key(root, "cpu", ["conv-cost"])
    recorded.publish("a-2-cores", recorded.folder())
    assert site.content_key(root, "cpu", ["conv-cost"]) != before
