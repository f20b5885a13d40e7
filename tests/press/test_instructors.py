"""The instructor's page is followed from its first command to its last."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from lwsurvey.press.course.grade import sandbox

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "instructors.md").read_text()
BLOCKS = [block.strip() for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S)]


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> tuple[Path, str]:
    """The instructor's home after all commands, and what they printed."""
    try:
        sandbox.check()
    except sandbox.SandboxError as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))
    home = tmp_path_factory.mktemp("home")
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment |= {"HOME": str(home), "OMP_NUM_THREADS": "1"}
    script = "\n".join(["set -e", *BLOCKS]).replace(". .venv/bin/activate", _activated())
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return home, done.stdout + done.stderr


def _activated() -> str:
    """What activating the environment of these tests does."""
    return f'export PATH="{Path(sys.executable).parent}:$PATH"'


@pytest.mark.slow
@pytest.mark.full
def test_ada_has_all_marks_of_the_tests_and_bob_none(followed):
    home, said = followed
    rows = pd.read_csv(home / "course" / "grading" / "exercises.csv")
    tests = rows[rows.graded == "by test"]
    ada, bob = (tests[tests.student == name] for name in ("ada", "bob"))
    assert len(ada) >= 3 and ada.marks.tolist() == ada.of.tolist()
    assert bob.marks.tolist() == [0] * len(ada)
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.full
def test_plain_nbgrader_gives_the_same_marks(followed):
    home, _ = followed
    ours = pd.read_csv(home / "course" / "grading" / "marks.csv").set_index("student").marks
    plain = pd.read_csv(home / "course" / "grades.csv").set_index("student_id").score
    assert plain.to_dict() == ours.to_dict()


@pytest.mark.slow
@pytest.mark.full
def test_the_form_for_written_answers_is_there(followed):
    assert "nbgrader.server_extensions.formgrader" in followed[1]


def test_ci_installs_the_sandbox():
    assert "bubblewrap" in (ROOT / ".ci" / "run").read_text()
