"""Every chapter's exercises grade right: right answers earn their marks, wrong ones lose them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import answered
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
chapters = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


@chapters
def test_each_exercise_has_two_wrong_answers_and_a_right_one(path):
    tests = answered.exercises(read(path))
    counts = Counter((answer.id, answer.right) for answer in answered.read(path.stem))
    assert {grade_id for grade_id, _ in counts} == set(tests)
    few = [i for i in tests if counts[i, False] < 2 or counts[i, True] < 1]
    assert few == []


def test_no_answers_are_left_of_a_chapter_that_is_gone():
    assert {p.stem for p in answered.FOLDER.glob("*.py")} <= {p.stem for p in NOTEBOOKS}


@pytest.fixture(scope="module")
def graded_parts(tmp_path_factory) -> Path:
    """The folder with the scores of every chapter, each answer graded in its own exercise."""
    folder = tmp_path_factory.mktemp("graded")
    autograde(folder, "part", *(path.stem for path in NOTEBOOKS))
    return folder


@pytest.mark.slow
@chapters
def test_marks_are_what_the_answers_deserve(path, graded_parts):
    assert_deserved(path, graded_parts, whole=False)


@pytest.mark.slow
@pytest.mark.full
@chapters
def test_an_answer_takes_no_marks_from_the_other_exercises(path, tmp_path):
    autograde(tmp_path, "whole", path.stem)
    assert_deserved(path, tmp_path, whole=True)


def assert_deserved(path: Path, folder: Path, whole: bool) -> None:
    """Right answers earn all marks of their exercise, wrong ones none."""
    notebook, written = read(path), answered.read(path.stem)
    tests = answered.exercises(notebook)
    log = (folder / "log").read_text(encoding="utf-8")
    assert (folder / f"{path.stem}.json").exists(), log[-4000:]
    graded = json.loads((folder / f"{path.stem}.json").read_text(encoding="utf-8"))
    complaints = all_marks("reference", graded.pop("reference"), tests.values())
    complaints += no_marks("untouched", graded.pop("untouched"))
    for answer in written + answered.liars(notebook):
        scores, own = graded[str(answer)], tests[answer.id]
        others = set(tests.values()) - {own} if whole else set()
        if answer.right:
            complaints += all_marks(answer, scores, others | {own})
        else:
            complaints += all_marks(answer, scores, others)
            complaints += no_marks(answer, {own: scores.get(own, scores)})
    caught = {a.id for a in written if hidden_needed(a, graded, tests)}
    complaints += [f"{i}: every wrong answer fails the visible tests" for i in {*tests} - caught]
    assert not complaints, "\n".join(["", *complaints])


def autograde(folder: Path, *arguments: str) -> None:
    """Scores of every submission, see `autograde.py`; what went wrong is in ``log``."""
    command = [sys.executable, str(ROOT / "tests" / "autograde.py"), str(folder), *arguments]
    alone = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "IPYTHONDIR": str(folder / "ipython")}
    with open(folder / "log", "w", encoding="utf-8") as log:
        subprocess.run(command, stdout=log, stderr=log, cwd=folder, env=os.environ | alone)


def all_marks(name: object, scores: dict, cells) -> list[str]:
    lost = [i for i in cells if i not in scores or scores[i]["score"] != scores[i]["points"]]
    return [f"{name}: loses marks in {i} ({told(scores, i)})" for i in lost]


def no_marks(name: object, scores: dict) -> list[str]:
    earned = [i for i, score in scores.items() if score.get("score") != 0]
    return [f"{name}: is not marked 0 in {i} ({told(scores, i)})" for i in earned]


def told(scores: dict, grade_id: str) -> str:
    return scores.get(grade_id, scores.get("", {})).get("error") or "no error"


def hidden_needed(answer: answered.Answer, graded: dict, tests: dict) -> bool:
    """Whether a wrong answer passes what a student sees."""
    own = graded[str(answer)].get(tests[answer.id], {})
    return not answer.right and own.get("visible") == own.get("points")
