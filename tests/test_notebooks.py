"""Every chapter has its shape, runs in the smoke preset, and its verdicts can fail."""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import yaml

from lwsurvey.claims import judge, ledger
from lwsurvey.claims.ledger import Claim
from lwsurvey.press import records, results

ROOT = Path(__file__).resolve().parents[1]
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


@chapters
def test_the_source_has_no_outputs_and_stable_ids(path):
    result = subprocess.run(
        [sys.executable, "-m", "nbstripout", "--keep-id", "--verify", str(path)],
        capture_output=True,
    )
    assert result.returncode == 0, "run: nbstripout --keep-id " + str(path.relative_to(ROOT))
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
def test_cells_are_short_and_prose_outweighs_code(path):
    cells = read(path).cells
    code = [
        c
        for c in cells
        if c.cell_type == "code" and not graded(c) and not tagged(c, "remove-input")
    ]
    assert max(map(lines, code)) <= 30
    assert statistics.median(map(statements, code)) <= 6
    words = sum(len(c.source.split()) for c in cells if c.cell_type == "markdown")
    assert words >= 10 * sum(map(lines, code))


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
    return results.runs_folder("smoke")


@pytest.mark.slow
@chapters
def test_a_chapter_decides_each_of_its_claims_once_in_smoke(path, smoke):
    decided = {record.id for record in records.read(smoke / path.name)}
    assert decided == {claim.id for claim in ledger().of_chapter(path.stem)}


@pytest.mark.slow
@chapters
def test_a_claim_moved_beyond_its_tolerance_changes_its_verdict(path, smoke):
    """The value is moved far from what was measured; of a table, one cell at a time."""
    for record in records.read(smoke / path.name):
        claim = ledger()[record.id]
        if claim.scale == "none":
            continue
        measured = records.measurement(record)
        for other in moved(claim, measured):
            assert judge(other, measured).verdict == "contradicted", other


def moved(claim: Claim, measured) -> list[Claim]:
    plain = replace(claim, correction_value="")
    if claim.relation == "fact":
        return [replace(plain, value=f"not {measured}")]
    if claim.relation == "table":
        cells = claim.rule.value
        worse = [{**cells, c: beyond("=", measured[c], claim)} for c in cells]
        return [replace(plain, value=json.dumps(table)) for table in worse]
    return [replace(plain, value=json.dumps(beyond(claim.relation, measured, claim)))]


def beyond(relation: str, estimate, claim: Claim) -> float:
    """A value that the whole interval fails, whatever the tolerance."""
    width = 1 + abs(estimate.low) + abs(estimate.high)
    away = 2 * width + 2 * claim.rule.margin(width)
    return estimate.low - away if relation in ("<", "<=") else estimate.high + away
