"""Submissions of every kind are graded: right marks, words for the instructor, no harm."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import hostile
import nbformat
import pandas as pd
import psutil
import pytest
import tiny_course as tiny
from nbgrader.api import Gradebook

from lwsurvey.press.course import nbgrader
from lwsurvey.press.course.grade import guard, intake, marks, repair, sandbox
from lwsurvey.press.course.grade.grading import Grading, Limits, Log

pytestmark = pytest.mark.slow
LIMITS = ("--seconds", "8", "--memory", "600")


def folder(name: str) -> str:
    return name.replace(" ", "-")


def grade(course: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "lwsurvey", "grade", str(course), *LIMITS, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def isolated() -> None:
    try:
        sandbox.check()
    except sandbox.SandboxError as error:
        message = f"NO SANDBOX ON THIS MACHINE: hostile submissions are not tested; {error}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


@pytest.fixture(scope="module")
def course(tmp_path_factory, isolated) -> Path:
    """A course whose class hands in every case, graded by one command."""
    made = tiny.make(tmp_path_factory.mktemp("course") / "hostile")
    released = tiny.released(made)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        places = {"COURSE": str(made), "PORT": str(listening.getsockname()[1])}
        for name, case in hostile.CASES.items():
            found = case.make(released)
            text = found if isinstance(found, str | None) else nbformat.writes(found)
            for word, value in places.items():
                text = text and text.replace(word, value)
            path = tiny.hand_in(made, folder(name), text)
            for file, content in case.files.items():
                (path.parent / file).write_text(content.replace("COURSE", str(made)))
        done = grade(made)
    assert done.returncode == 0, done.stdout + done.stderr
    (made / "said.txt").write_text(done.stdout)
    return made


@pytest.fixture(scope="module")
def table(course) -> pd.DataFrame:
    found = pd.read_csv(course / "grading" / "marks.csv", keep_default_na=False)
    return found.set_index("student")


@pytest.mark.parametrize("name", hostile.CASES)
def test_a_submission_gets_the_marks_that_its_answers_deserve(name, course, table):
    case, row = hostile.CASES[name], table.loc[folder(name)]
    found = marks.read(course, tiny.CHAPTER, [folder(name)])[folder(name)]
    got = tuple(found.get(f"{exercise}-test", 0.0) for exercise in tiny.SOLUTIONS)
    assert got == (case.marks or (0, 0)), row["what happened"]
    assert (row["status"] == marks.NOT_GRADED) == (case.marks is None)
    assert case.told in row["what happened"]


def test_all_submissions_have_an_outcome_and_were_told_on_the_way(course, table):
    assert set(table.index) == set(map(folder, hostile.CASES))
    said = (course / "said.txt").read_text()
    assert all(f"{tiny.CHAPTER} {student}: " in said for student in table.index)
    assert "Traceback" not in said


def test_nothing_was_written_outside_of_the_sandbox(course):
    litter = "litter-of-a-student"
    outside = [Path("/"), Path("/usr"), Path("/etc"), Path("/tmp"), Path.home(), course.parent]
    assert not [place for place in outside if (place / litter).exists()]
    assert not list(course.rglob(litter))


def test_no_marks_were_written_by_a_submission(course, table):
    assert (table["marks"].astype(float) <= 5).all()
    with Gradebook(marks.url(course)) as gradebook:
        grades = [g for s in gradebook.assignment_submissions(tiny.CHAPTER)
                  for n in s.notebooks for g in n.grades]  # fmt: skip
        assert grades and all(grade.manual_score is None for grade in grades)


def test_every_graded_student_gets_feedback_without_hidden_tests(course, table):
    for student, row in table.iterrows():
        page = course / "feedback" / student / tiny.CHAPTER / f"{tiny.CHAPTER}.html"
        assert page.exists() == (row["status"] != marks.NOT_GRADED), student
        if page.exists():
            text = re.sub(r"<[^>]+>", "", page.read_text())
            assert "hidden-word" not in text and "HIDDEN" not in text, student
            assert "double(2)" in text, student


def test_the_page_has_every_student_and_exercise(course, table):
    page = (course / "grading" / "index.html").read_text()
    assert all(f"<td>{student}</td>" in page for student in table.index)
    assert all(f"<td>{name}" in page for name in ("double-test", "largest-test", "words"))
    rows = pd.read_csv(course / "grading" / "exercises.csv")
    assert len(rows) == 3 * len(table)


def test_plain_nbgrader_reads_the_same_marks(course, table):
    nbgrader.run(course, "export", "--to", "grades.csv")
    exported = pd.read_csv(course / "grades.csv").set_index("student_id").score
    assert exported.reindex(table.index).tolist() == table["marks"].astype(float).tolist()


@pytest.fixture
def again(course, tmp_path) -> Path:
    """A copy of the graded course."""
    return Path(shutil.copytree(course, tmp_path / "again"))


def test_only_what_changed_is_graded_again_and_marks_by_hand_stay(again):
    blank, other = folder("blank"), folder("old output")
    with Gradebook(marks.url(again)) as gradebook:
        grade_ = gradebook.find_grade("words", tiny.CHAPTER, tiny.CHAPTER, other)
        grade_.manual_score, grade_.needs_manual_grade = 3.0, False
        gradebook.db.commit()
    assert " 0 to grade" in grade(again).stdout
    tiny.hand_in(again, blank, tiny.answered(tiny.released(again)))
    tiny.hand_in(again, other, tiny.answered(tiny.released(again), double=hostile.WRONG))
    done = grade(again)
    assert " 2 to grade" in done.stdout, done.stdout + done.stderr
    found = marks.read(again, tiny.CHAPTER, [blank, other])
    assert found[blank] == {"double-test": 2, "largest-test": 3, "words": 0}
    assert found[other] == {"double-test": 0, "largest-test": 3, "words": 3}
    rows = pd.read_csv(again / "grading" / "marks.csv").set_index("student")
    assert rows.marks[other] == 6


def test_a_broken_second_submission_takes_no_marks_away(again):
    student = folder("warns")
    tiny.hand_in(again, student, "{")
    done = grade(again)
    assert "not graded" in done.stdout
    rows = pd.read_csv(again / "grading" / "marks.csv").set_index("student")
    assert rows.marks[student] == 5
    assert "earlier" in rows["what happened"][student]


def test_without_a_sandbox_the_limits_stay(again):
    student = folder("creeping memory")
    tiny.hand_in(again, student, hostile.CASES["creeping memory"].make(tiny.released(again)))
    shutil.rmtree(again / "grading" / "records")
    for path in (again / "submitted").iterdir():
        if path.name != student:
            shutil.rmtree(path)
    done = grade(again, "--no-sandbox")
    assert "600 MiB of memory" in done.stdout, done.stdout + done.stderr
    assert marks.read(again, tiny.CHAPTER, [student])[student]["largest-test"] == 3


def test_an_interrupted_grading_leaves_no_process_and_keeps_what_was_graded(tmp_path, isolated):
    made = tiny.make(tmp_path / "course")
    released = tiny.released(made)
    tiny.hand_in(made, "ada", tiny.answered(released))
    tiny.hand_in(made, "bob", hostile.CASES["endless loop"].make(released))
    before = set(Path(tempfile.gettempdir()).glob("lw????????"))
    command = [sys.executable, "-u", "-m", "lwsurvey", "grade", str(made), "--jobs", "1"]
    running = psutil.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell starts its background jobs so that they do not hear it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert any("tiny ada: graded" in line for line in running.stdout)
    until(lambda: any("ipykernel_launcher" in p.cmdline() for p in running.children(True)))
    below = running.children(recursive=True)
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=30)
    assert running.returncode == 130 and "Traceback" not in rest
    assert psutil.wait_procs(below, timeout=20)[1] == []
    assert not set(Path(tempfile.gettempdir()).glob("lw????????")) - before
    done = grade(made)
    assert "2 submissions, 1 to grade" in done.stdout
    assert marks.read(made, tiny.CHAPTER, ["ada"])["ada"]["double-test"] == 2


def test_a_kernel_whose_starter_went_at_once_ends_too(tmp_path):
    grading = Grading(
        Limits(), tmp_path / "release", tmp_path / "report", tmp_path / "usage", False
    )
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    (gone := psutil.Popen(["true"])).wait()
    command = [sys.executable, "-m", "lwsurvey.press.course.grade.kernel", str(gone.pid)]
    command += [str(runtime), "sleep", "600"]
    done = subprocess.run(command, env=os.environ | grading.environment(), cwd=tmp_path, timeout=60)
    assert done.returncode
    assert "has gone" in json.loads(grading.usage.read_text())["stopped"]
    assert not runtime.exists()


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something; processes may end while they are looked at."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(psutil.NoSuchProcess):
            if true():
                return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize(
    "prepare, words",
    [
        (lambda course: shutil.rmtree(course / "release"), "lwsurvey assign"),
        (lambda course: shutil.rmtree(course / "submitted"), "no submissions"),
    ],
)
def test_a_course_that_cannot_be_graded_is_refused_in_a_line(tmp_path, prepare, words):
    made = tmp_path / "course"
    for part in ("release", "source"):
        tiny.hand_in(made, "x", None)
        (made / part / tiny.CHAPTER).mkdir(parents=True)
        (made / part / tiny.CHAPTER / f"{tiny.CHAPTER}.ipynb").write_text("{}")
    (made / "gradebook.db").touch()
    prepare(made)
    done = grade(made)
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


def test_an_unknown_chapter_is_named_with_the_nearest(course):
    done = grade(course, "tinny")
    assert done.returncode == 1 and "did you mean tiny?" in done.stderr


def test_without_bubblewrap_it_says_what_to_do(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(sandbox.SandboxError, match=r"apt-get install bubblewrap.*--no-sandbox"):
        sandbox.check()


def test_links_and_other_files_of_a_submission_stay_behind(tmp_path):
    place = tmp_path / "submitted" / "eve" / tiny.CHAPTER
    place.mkdir(parents=True)
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (place / "link.txt").symlink_to(secret)
    (place / "helper.py").write_text("x = 1")
    nbformat.write(tiny.source(), place / "my homework.ipynb")
    submission = intake.Submission("eve", tiny.CHAPTER, place)
    log = Log()
    intake.stage(submission, tmp_path / "staged", tiny.source(), log)
    assert sorted(p.name for p in (tmp_path / "staged").iterdir()) == ["helper.py", "tiny.ipynb"]
    assert log.look and log.told[0] == "The notebook was handed in as my homework.ipynb."
    assert log.told[1:] == ["Look at it: it brings Python files of its own, helper.py."]


def test_a_huge_notebook_is_named_and_not_read(tmp_path):
    path = tmp_path / "huge.ipynb"
    with path.open("wb") as file:
        file.truncate(2 * intake.LARGEST * 2**20)
    with pytest.raises(intake.IntakeError, match="must be cleared"):
        intake.read(path)


def test_the_worked_copy_of_a_written_answer_counts():
    nb = tiny.answered(tiny.source())
    tiny.cell(nb, "words").source = "Because of the padding."
    nb.cells.append(next(c for c in tiny.source().cells if c.id == "words"))
    repaired = repair.repair(nb, tiny.source(), Log())
    assert tiny.cell(repaired, "words").source == "Because of the padding."


@pytest.mark.parametrize(
    "printed, genuine",
    [
        ('{"token": "w", "hidden": [], "genuine": true}', True),
        ('{"token": "other", "hidden": [], "genuine": true}', False),
        ("", False),
        ("[1]\nnoise", False),
    ],
)
def test_only_the_kernel_that_knows_the_word_is_believed(printed, genuine):
    assert guard.read(printed, "w")[0] is genuine


@pytest.mark.parametrize(
    "source, words",
    [
        ("import numpy as np\nnp.abs = None", "assigns to np.abs"),
        ("!cat /etc/passwd", "shell"),
        ("class A(int):\n    __eq__ = lambda *_: True", "__eq__"),
        ("from os import path", "uses os"),
        ("eval('1')", "uses eval"),
    ],
)
def test_what_no_exercise_asks_for_is_pointed_out(source, words):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    assert any(words in remark for remark in guard.remarks(nb, tiny.source()))


def test_ordinary_answers_are_not_pointed_out():
    other = nbformat.v4.new_notebook()
    assert guard.remarks(tiny.answered(tiny.source()), other) == []


def test_an_outcome_that_cannot_be_read_is_none(tmp_path):
    path = marks.outcome_file(tmp_path, "c", "s")
    path.parent.mkdir(parents=True)
    for text in ("{", json.dumps({"student": "s"}), "[]"):
        path.write_text(text)
        assert marks.Outcome.load(tmp_path, "c", "s") is None
