"""The command line: what it refuses, what it prints, how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from checkout import Checkout
from click.testing import CliRunner, Result

from lwsurvey.claims.ledger import Ledger, ledger
from lwsurvey.cli import main
from lwsurvey.paths import PACKAGE
from lwsurvey.press.commands import ledger as listing
from lwsurvey.press.results import notebooks
from lwsurvey.press.results.notebooks import Record
from lwsurvey.press.run import freshness, tasks
from lwsurvey.press.run.tasks import Task
from lwsurvey.press.sources import chapters, parameters

CELL = """preset = "cpu"  # which numbers
repeats = 100  # of the sum
rate = 0.5  # a share
fast = False  # skip the slow half
device = "cpu"  # where
sizes = [  # of the images
    8,
    16,
]
limit = None  # no limit
options = {}  # of the plot
"""
DAMAGED = json.dumps(
    {"cells": [{"outputs": [{"metadata": {"lwsurvey": {"type": "verdict", "schema": 1}}}]}]}
)


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Checkout:
    made = Checkout(tmp_path)
    made.chapter("conv-cost")
    made.chapter("relu-collapse", alone=True)
    monkeypatch.setenv("LWSURVEY_ROOT", str(tmp_path))
    ledger.cache_clear()
    yield made
    ledger.cache_clear()


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, prog_name="lwsurvey")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def finish(made: Checkout, slug: str, verdict: str = "holds") -> None:
    """Put an executed notebook in place, as a run would."""
    chapter = chapters.select(chapters.discover(), (slug,))[0]
    claim = next(c["id"] for c in made.claims if c["chapter"] == slug)
    measured = {"value": 4, "low": 4, "high": 4, "n": 1, "detectable": None}
    where = {"chapter": slug, "preset": "cpu"}
    entry = {"type": "verdict", "schema": 1, "id": claim, "verdict": verdict, "run": where}
    entry |= {"measured": measured, "failed": []}
    notebook = json.loads(chapter.path.read_text())
    shown = {"output_type": "display_data", "data": {}, "metadata": {"lwsurvey": entry}}
    notebook["cells"][-1]["outputs"] = [shown]
    facts = {"schema": 1, "parameters": chapter.resolve("cpu"), "seconds": 3.5}
    inputs = freshness.inputs(chapter) | {"data": {}}
    notebook["metadata"]["lwsurvey"] = where | facts | {"inputs": inputs}
    folder = notebooks.runs_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{slug}.ipynb").write_text(json.dumps(notebook))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run cnv-cost", "unknown chapter 'cnv-cost' (did you mean conv-cost?); there are: conv-c"),
        ("run --preset smok", "conv-cost: unknown preset 'smok' (did you mean smoke?); there are"),
        ("run conv-cost -p repeat 3", "unknown parameter 'repeat' (did you mean repeats?); there"),
        ("run conv-cost -p repeats many", "repeats must be a whole number like 100, not 'many'"),
        ("run conv-cost -p repeats 1.5", "parameter repeats must be a whole number like 100"),
        ("run conv-cost -p repeats true", "repeats must be a whole number like 100, not True"),
        ("run conv-cost -p rate nan", "parameter rate must be a number like 0.5, not 'nan'"),
        (f"run conv-cost -p rate {10**400}", "parameter rate must be a number like 0.5, not 1000"),
        ("run conv-cost -p preset gpu", "the preset is chosen with --preset, not with -p"),
        ("run conv-cost -p repeats 1 -p repeats 2", "given more than once: repeats"),
        ("run --jobs 0", "0 is not in the range x>=1"),
        ("list --preset x", "unknown preset 'x'; there are: cpu, smoke"),
        ("ledger --chapter conv", "unknown chapter 'conv'"),
        ("ledger --verdict hold", "unknown verdict 'hold' (did you mean holds?); there are: hol"),
        ("ledger --format xml", "'xml' is not one of 'table', 'json', 'csv', 'md'"),
    ],
)
def test_a_wrong_command_is_refused_before_anything_starts(checkout, arguments, message):
    result = call(*arguments.split())
    assert result.exit_code == 2
    assert message in result.output and "Traceback" not in result.output
    assert not (checkout.root / "_build").exists()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"smoke": {"repeat": 3}}, "preset smoke of conv-cost: unknown parameter 'repeat' (did"),
        ({"smoke": {"repeats": "3"}}, "parameter repeats must be a whole number like 100, not '3'"),
        ({"smoke": {1: 3}}, "conv-cost: preset smoke has a parameter whose name is no text"),
        ({1: {}}, "conv-cost: 1 is no name for a preset, put a word there"),
        ({"../smoke": {}}, "conv-cost: '../smoke' is no name for a preset"),
        ({"smoke": 3}, "conv-cost: preset smoke must map parameters to values"),
        ({"cpu": {}}, "the preset cpu is the parameters cell itself"),
        ({"alone": 1}, "alone must be true or false, not 1"),
        ({"timeout": "1 h"}, "timeout must be seconds, not '1 h'"),
        (None, "notebooks/presets.yml: conv-cost needs an entry; notebooks/README.md shows one"),
    ],
)
def test_a_wrong_presets_file_is_refused(checkout, entry, message):
    checkout.presets["conv-cost"] = entry
    checkout.save()
    result = call("list")
    assert (result.exit_code, message in result.output) == (2, True), result.output


def test_presets_of_an_unknown_chapter_are_refused(checkout):
    checkout.presets["conv-costs"] = {}
    checkout.save()
    assert "unknown chapter 'conv-costs' (did you mean conv-cost?)" in call("list").output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "notebooks/conv-cost.ipynb is no notebook of format 4"),
        ('{"cells": [{"cell_type": "code", "source": "", "metadata": null}]}', "is no notebook of"),
        ('{"cells": []}', "0 cells are tagged 'parameters', it must be one"),
    ],
)
def test_a_file_that_is_no_chapter_is_named(checkout, text, message):
    (checkout.root / "notebooks" / "conv-cost.ipynb").write_text(text)
    result = call("run")
    assert (result.exit_code, message in result.output) == (2, True), result.output


def test_a_folder_that_is_no_checkout_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("LWSURVEY_ROOT", str(tmp_path))
    result = call("list")
    assert result.exit_code == 1 and "no data/claims.csv in" in result.output


def test_the_parameters_cell_is_read():
    found = parameters.read(CELL)
    assert {name: p.value for name, p in found.items()} == {
        "preset": "cpu", "repeats": 100, "rate": 0.5, "fast": False, "device": "cpu",
        "sizes": [8, 16], "limit": None, "options": {},
    }  # fmt: skip
    assert found["sizes"].comment == "of the images"


@pytest.mark.parametrize(
    "line",
    [
        "x = len('a')", "x, y = 1, 2", "import os", "x += 1", "x: int",
        "x = {1}", "x = b'a'", "x = 1e999", "x = [1j]",
    ],
)  # fmt: skip
def test_a_parameters_cell_that_does_more_is_refused(line):
    with pytest.raises(parameters.ParameterError, match="line 1 of the parameters cell must be"):
        parameters.read(line)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("repeats", "7", 7),
        ("rate", "1", 1.0),
        ("rate", "1e-3", 0.001),
        ("fast", "true", True),
        ("fast", "True", True),
        ("device", "cuda", "cuda"),
        ("device", "3", "3"),
        ("sizes", "[4, 8]", [4, 8]),
        ("limit", "3", 3),
        ("limit", "null", None),
    ],
)
def test_a_value_takes_the_type_of_its_parameter(name, text, value):
    known = parameters.read(CELL)
    given = parameters.parse(text, known[name].value)
    found = parameters.replace(known, {name: given})[name]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fast", "1"), ("sizes", "3"), ("sizes", "[1.5]"), ("rate", "high"), ("limit", "[1]"),
        ("options", "{a: 2026-01-01}"), ("options", "{a: .nan}"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(name, text):
    known = parameters.read(CELL)
    with pytest.raises(parameters.ParameterError, match=f"parameter {name} must be"):
        parameters.replace(known, {name: parameters.parse(text, known[name].value)})


def prepared(preset: str = "cpu", **overrides: str) -> Task:
    return tasks.prepare(chapters.discover()[:1], preset, overrides)[0]


def test_a_run_with_parameters_of_its_own_is_not_taken_for_the_published_one(checkout):
    assert prepared().folder.name == "cpu"
    assert prepared(repeats="7").folder.name == "cpu+custom"
    assert prepared(repeats="7").parameters["repeats"] == 7
    assert prepared("smoke").parameters == {"preset": "smoke", "repeats": 3, "rate": 0.5}
    assert prepared("smoke").job()["changed"] == {"preset": "smoke", "repeats": 3}


def test_list_says_what_is_fresh(checkout):
    finish(checkout, "conv-cost")
    lines = call("list").output.splitlines()
    assert lines[0] == "conv-cost      About conv-cost"
    assert lines[2].strip() == "cpu: fresh (last run 3.5 s)"
    assert lines[4].strip() == "presets cpu, smoke, runs alone, needs no GPU"
    assert lines[5].strip() == "cpu: to run: never run"


def test_a_run_with_nothing_to_do_is_quick(checkout):
    for slug in ("conv-cost", "relu-collapse"):
        finish(checkout, slug)
    environment = dict(os.environ) | {"PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-m", "lwsurvey", "run"]
    began = time.process_time(), os.times().children_user
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "chapters run: 0, fresh: 2; results: _build/runs/cpu\n"
    assert done.stderr == "fresh: conv-cost, relu-collapse\n"
    assert os.times().children_user - began[1] < 1.5


def test_the_ledger_in_all_its_forms(checkout):
    finish(checkout, "conv-cost")
    rows = json.loads(call("ledger", "--format", "json").stdout)
    assert [row["verdict"] for row in rows] == ["holds", "not examined yet"]
    assert rows[0]["measured"]["value"] == 4
    table = list(csv.DictReader(io.StringIO(call("ledger", "--format", "csv").stdout)))
    assert [row["id"] for row in table] == ["C000", "C001"]
    assert json.loads(table[0]["measured"])["n"] == 1
    assert "| C000 | conv-cost | holds | Two and two" in call("ledger", "--format", "md").stdout
    listed = call("ledger", "--verdict", "not examined yet")
    assert listed.stdout.split("  ")[:2] == ["C001", "relu-collapse"]
    assert "1 claims: 1 not examined yet" in listed.stderr
    assert "relu-collapse: not up to date (never run)" in listed.stderr
    assert call("ledger", "--chapter", "conv-cost").exit_code == 0


@pytest.mark.parametrize("form", ["csv", "json", "md", "table"])
def test_the_ledger_does_not_depend_on_the_encoding_of_the_terminal(checkout, form):
    checkout.claims[0] |= {"statement": "2 × 2 → 4 …"}
    checkout.save()
    result = CliRunner(charset="latin-1").invoke(main, ["ledger", "--format", form])
    assert "2 × 2 → 4 …" in result.stdout_bytes.decode()


@pytest.mark.parametrize("text", ["", '{"cells": [', "[]", '{"cells": null}', DAMAGED])
def test_a_damaged_result_is_named(checkout, text):
    finish(checkout, "conv-cost")
    (notebooks.runs_folder() / "conv-cost.ipynb").write_text(text)
    result = call("ledger")
    assert result.exit_code == 1
    assert "the result conv-cost.ipynb is damaged; make it again: lwsurvey run" in result.output


def test_a_file_that_cannot_be_read_is_named(checkout):
    path = checkout.root / "notebooks" / "presets.yml"
    path.unlink()
    path.mkdir()
    result = call("list")
    assert (result.exit_code, "presets.yml" in result.output) == (1, True), result.output


def test_a_verdict_that_differs_from_the_ledger_is_an_error(checkout):
    finish(checkout, "conv-cost", verdict="contradicted")
    result = call("ledger")
    assert result.exit_code == 1
    assert "C000 (conv-cost): the run says contradicted, the ledger holds" in result.stderr


REDUCED = {"scale": "reduced", "relation": ">", "verdict": "holds at reduced scale"}
TIMED = REDUCED | {"hardware": "yes", "verdict": "holds on this hardware"}


@pytest.mark.parametrize(
    ("row", "verdict", "status"),
    [
        (REDUCED, "inconclusive", 0),
        (REDUCED, "contradicted at reduced scale", 1),
        (TIMED, "contradicted on this hardware", 0),
        (TIMED, "not judged", 0),
        (REDUCED | {"hardware": "yes", "verdict": ""}, "inconclusive", 1),
        ({}, "inconclusive", 1),
    ],
)
def test_only_what_hardware_or_load_can_change_may_differ(checkout, row, verdict, status):
    claim = next(c for c in checkout.claims if c["chapter"] == "conv-cost")
    claim |= row
    checkout.save()
    finish(checkout, "conv-cost", verdict=verdict)
    result = call("ledger")
    said = f"{claim['id']} (conv-cost): the run says {verdict}, the ledger "
    assert (result.exit_code, said in result.stderr) == (status, True), result.output
    assert ("hardware or load can change" in result.stderr) == (status == 0)


def test_the_ledger_counts_tests_definitions_and_repetitions_apart(checkout):
    first = checkout.claims[0]
    bases = {"C901": "transcribed", "C902": "definition", "C903": "counted"}
    for id_, basis in bases.items():
        checkout.claims.append(first | {"id": id_, "basis": basis})
    checkout.claims[-1]["same_as"] = first["id"]
    checkout.save()
    records = {id_: Record(id_, "", "cpu", "holds", None, (), {}) for id_ in (first["id"], *bases)}
    claims = Ledger.read(checkout.root / "data" / "claims.csv")
    listed = listing.rows(claims, records)
    assert [row["counts_as"] for row in listed[-3:]] == ["look-up", "definition", "repetition"]
    said = listing.summary(listed).splitlines()
    assert said[1] == "4 examined: 1 test, 1 look-up, 1 definition, 1 repetition"
    assert said[2] == "the tests alone: 1 holds"
    assert len(listing.summary(listed[-3:]).splitlines()) == 3
    assert listing.summary([]) == "0 claims: none"


def test_a_ledger_that_cannot_be_read_is_named(checkout):
    path = checkout.root / "data" / "claims.csv"
    path.write_text(path.read_text().replace(",number,", ",numbers,"))
    result = call("ledger")
    assert (result.exit_code, "C000: kind 'numbers' is none" in result.output) == (1, True)


@pytest.mark.parametrize("command", ["", "list", "run", "build", "ledger", "serve"])
def test_every_command_has_help(command):
    result = call(*command.split(), "--help")
    assert result.exit_code == 0 and result.output.startswith("Usage: lwsurvey")
    assert command == "list" or "Example" in result.output


def write(folder: Path, **files: str) -> Path:
    package = folder / "pkg"
    for name, text in ({"__init__": ""} | files).items():
        path = package.joinpath(*name.split("__in__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return package


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import pkg.a", "a b sub/__init__ sub/deep"),
        ("from pkg import a", "a b sub/__init__ sub/deep"),
        ("from pkg import c", "c"),
        ("from pkg.c import name", "c"),
        ("def f():\n    import pkg.c", "c"),
        ("%matplotlib inline\nimport pkg.c", "c"),
        ("from pkg.sub import *", "sub/__init__ sub/deep"),
        ("from pkg import absent", ""),
        ("import pkgs, json, torch", None),
        ("this is no Python", None),
    ],
)
def test_imports_are_followed_to_the_end(tmp_path, monkeypatch, code, found):
    monkeypatch.syspath_prepend(tmp_path)
    files = {"a": "from .b import x", "b": "def f():\n    from .sub import deep", "c": "name = 1"}
    package = write(tmp_path, **files, sub__in____init__="", sub__in__deep="from .. import a")
    names = [] if found is None else ["__init__", *found.split()]
    # The module in the folder is found through its relative import of the package's a and b.
    if "deep" in (found or ""):
        names = sorted({*names, "a", "b"})
    expected = sorted(f"pkg/{name}.py" for name in names)
    assert list(freshness.imported_files([code], tmp_path, package)) == expected


def test_a_module_that_is_not_valid_python_is_named(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = write(tmp_path, a="import b\ndef")
    with pytest.raises(chapters.ChapterError, match=r"^pkg/a.py is not valid Python \(line 2\)$"):
        freshness.imported_files(["import pkg"], tmp_path, package)


def test_the_files_of_this_repository_are_valid():
    root = Path(__file__).resolve().parents[2]
    entries = yaml.safe_load((root / "notebooks" / "presets.yml").read_text())
    assert {"smoke", "gpu"} <= set.intersection(*(set(entry) for entry in entries.values()))
