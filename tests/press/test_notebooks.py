"""Every chapter has its shape, runs in the smoke preset, and its verdicts can fail."""

from __future__ import annotations

import ast
import importlib
import json
import re
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
import yaml

from lwsurvey.claims import judge, ledger
from lwsurvey.claims.ledger import Claim, Rule
from lwsurvey.press.results import notebooks
from lwsurvey.schema import NOT_JUDGED
from lwsurvey.stats import Estimate

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SLUGS = [path.stem for path in NOTEBOOKS]
HEADINGS = ["The question", "The idea", "Verdicts", "Limits", "Exercises", "Further reading"]

chapters = pytest.mark.parametrize("path", NOTEBOOKS, ids=SLUGS)


def read(path: Path) -> nbformat.NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def tagged(cell, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def graded(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def lines(cell) -> int:
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def statements(cell) -> int:
    return sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(cell.source)))


def test_no_source_has_outputs():
    command = [sys.executable, "-m", "nbstripout", "--keep-id", "--verify", *map(str, NOTEBOOKS)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, "run nbstripout --keep-id on these:\n" + result.stdout


@chapters
def test_ids_are_unique(path):
    ids = [cell.id for cell in read(path).cells]
    assert len(set(ids)) == len(ids)


@chapters
def test_the_parameters_say_what_they_are(path):
    cells = [cell for cell in read(path).cells if tagged(cell, "parameters")]
    assert len(cells) == 1
    assignments = cells[0].source.splitlines()
    assert assignments[0].startswith('preset = "cpu"')
    assert all("#" in line for line in assignments if line.strip())


@chapters
def test_the_sections_stand_in_order(path):
    text = "\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")
    found = [line[3:].strip() for line in text.splitlines() if line.startswith("## ")]
    assert [heading for heading in found if heading in HEADINGS] == HEADINGS
    assert text.startswith(f"({path.stem})=\n# ")


@chapters
def test_names_of_our_code_in_the_text_exist(path):
    """``module.name`` in the text, where the notebook imports the module."""
    cells, modules = read(path).cells, {}
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("lwsurvey"):
                package = importlib.import_module(node.module)
                found = {a.asname or a.name: getattr(package, a.name, None) for a in node.names}
                modules |= {k: v for k, v in found.items() if isinstance(v, ModuleType)}
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    pairs = re.findall(r"`(\w+)\.(\w+)", text)
    assert [f"{m}.{n}" for m, n in pairs if m in modules and not hasattr(modules[m], n)] == []


@chapters
def test_hidden_tests_stand_where_the_press_looks_for_them(path):
    """Their marks stand at the beginning of a line; test_download.py looks at the rest."""
    text = "\n".join(cell.source for cell in read(path).cells)
    begun = re.findall(r"^### BEGIN HIDDEN TESTS$", text, re.M)
    assert begun and len(begun) == text.count("BEGIN HIDDEN TESTS")


def code_cells(path: Path) -> list:
    """Code cells without exercises."""
    return [c for c in read(path).cells if c.cell_type == "code" and not graded(c)]


@chapters
def test_cells_are_short(path):
    code = [cell for cell in code_cells(path) if not tagged(cell, "remove-input")]
    assert max(map(lines, code)) <= 30
    visible = [cell for cell in code if not tagged(cell, "hide-input")]
    assert statistics.median(map(statements, visible)) <= 6


@chapters
def test_only_sentences_are_removed_from_the_page(path):
    for cell in code_cells(path):
        shows = re.search(r"\bshow\.(?:figure|table|source)\(", cell.source)
        if tagged(cell, "remove-input") or tagged(cell, "remove-cell"):
            assert not shows and "show.say(" in cell.source, f"{cell.id}: tag it hide-input"


@chapters
def test_removed_lines_are_at_most_half_of_the_visible_ones(path):
    """Neither counts folded ones, which a reader can unfold."""
    code = code_cells(path)
    removed = sum(lines(cell) for cell in code if tagged(cell, "remove-input"))
    folded = ("remove-input", "hide-input")
    visible = sum(lines(c) for c in code if not any(tagged(c, tag) for tag in folded))
    assert removed / visible <= 0.5


@chapters
def test_there_are_three_graded_exercises_and_one_in_words(path):
    cells = read(path).cells
    tests = [c for c in cells if graded(c).get("grade") and c.cell_type == "code"]
    written = [c for c in cells if graded(c).get("grade") and c.cell_type == "markdown"]
    answers = [c for c in cells if graded(c).get("solution") and c.cell_type == "code"]
    assert len(tests) >= 3 and len(answers) >= 3 and written
    assert all("### BEGIN SOLUTION" in c.source and "### END SOLUTION" in c.source for c in answers)
    assert all(graded(c)["points"] > 0 and graded(c)["locked"] for c in tests)
    assert all("isinstance" in c.source and "### BEGIN HIDDEN TESTS" in c.source for c in tests)
    ids = [graded(c)["grade_id"] for c in cells if graded(c)]
    assert len(set(ids)) == len(ids)


def test_every_chapter_is_in_the_book_and_has_presets():
    toc = (ROOT / "book" / "_toc.yml").read_text()
    presets = yaml.safe_load((ROOT / "notebooks" / "presets.yml").read_text())
    assert set(presets) == set(SLUGS)
    assert all(slug in toc for slug in SLUGS)


@pytest.fixture(scope="session")
def smoke() -> Path:
    command = [sys.executable, "-m", "lwsurvey", "run", "--preset", "smoke"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    return notebooks.runs_folder("smoke")


@pytest.mark.slow
@chapters
def test_a_chapter_decides_each_of_its_claims_once_in_smoke(path, smoke):
    decided = {record.id for record in notebooks.read_records(smoke / path.name)}
    assert decided == {claim.id for claim in ledger().of_chapter(path.stem)}


def judged(path: Path) -> list[tuple[Claim, object]]:
    """The claims that a run measured, with what it measured."""
    records = [r for r in notebooks.read_records(path) if r.verdict != NOT_JUDGED]
    pairs = [(ledger()[r.id], notebooks.measurement(r)) for r in records]
    return [(claim, measured) for claim, measured in pairs if claim.scale != "none"]


@pytest.mark.slow
@chapters
def test_a_chapter_prints_no_warnings_and_its_captions_have_no_backtick(path, smoke):
    """Sphinx stops at the first, and cannot read a table with the second."""
    outputs = [out for cell in read(smoke / path.name).cells for out in cell.get("outputs", [])]
    told = [out.text for out in outputs if out.get("name") == "stderr" and "\r" not in out.text]
    texts = [out.data.get("text/markdown", "") for out in outputs if "data" in out]
    captions = [text.splitlines()[0] for text in texts if text.startswith("```{table}")]
    assert told == []
    assert [caption for caption in captions if "`" in caption[3:]] == []


@pytest.mark.slow
@chapters
def test_a_claim_moved_beyond_its_tolerance_changes_its_verdict(path, smoke):
    """The value is moved far from what was measured; of a table, one cell at a time."""
    for claim, measured in judged(smoke / path.name):
        for value in beyond(claim.rule, measured):
            other = replace(claim, value=value, correction_value="")
            assert judge(other, measured).verdict == other.contradicted, other


@pytest.mark.slow
@chapters
def test_a_claim_that_agreed_with_the_measurement_would_hold(path, smoke):
    """So that no erratum and no contradiction comes from a check that nothing passes.

    A short run's interval may be wider than the margin of an equality, hence its middle.
    """
    for claim, measured in judged(smoke / path.name):
        other = replace(claim, value=agreeing(claim.rule, measured))
        assert judge(other, middle(measured)).verdict.startswith("holds"), other


@pytest.mark.slow
@chapters
def test_an_erratum_needs_a_correction_that_passes(path, smoke):
    for claim, measured in judged(smoke / path.name):
        if claim.correction_rule is None:
            continue
        wrong = replace(claim, value=beyond(claim.rule, measured)[0])
        for value in beyond(claim.correction_rule, measured):
            other = replace(wrong, correction_value=value)
            assert judge(other, measured).verdict == other.contradicted, other
        right = replace(wrong, correction_value=agreeing(claim.correction_rule, measured))
        assert judge(right, measured).verdict == "erratum", right


def beyond(rule: Rule, measured) -> list[str]:
    """Values that the measurement fails by far, whatever the tolerance."""
    if rule.relation == "fact":
        return [f"not {measured}"]
    if rule.relation == "table":
        cells = {cell: estimate.value for cell, estimate in measured.items()}
        return [json.dumps({**cells, c: failed_by("=", measured[c], rule)}) for c in cells]
    return [json.dumps(failed_by(rule.relation, measured, rule))]


def failed_by(relation: str, estimate: Estimate, rule: Rule) -> float:
    width = 1 + abs(estimate.low) + abs(estimate.high)
    away = 2 * width + 2 * rule.margin(width)
    return estimate.low - away if relation in ("<", "<=") else estimate.high + away


def middle(measured):
    """The measurement without its interval."""
    if isinstance(measured, dict):
        return {cell: estimate.value for cell, estimate in measured.items()}
    return measured.value if isinstance(measured, Estimate) else measured


def agreeing(rule: Rule, measured) -> str:
    """A value that the measurement passes."""
    if rule.relation == "fact":
        return measured
    if rule.relation == "table":
        return json.dumps({cell: estimate.value for cell, estimate in measured.items()})
    above, below = measured.high + 1, measured.low - 1
    sides = {"<": above, "<=": above, ">": below, ">=": below}
    return json.dumps(sides.get(rule.relation, measured.value))
