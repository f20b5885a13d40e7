"""A course for nbgrader: what students get, what they do not, and what cannot go wrong halfway."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner, Result
from nbgrader.api import Gradebook

from lwsurvey import paths
from lwsurvey.cli import main
from lwsurvey.press.course import CourseError
from lwsurvey.press.course.assign import assignment, generate
from lwsurvey.press.course.assign.folder import MARK
from lwsurvey.press.site import myst, package
from lwsurvey.press.site.myst import Book
from lwsurvey.press.sources import chapters

ROOT = paths.root()
FOUND = chapters.discover()
BOOK = Book({c.slug: c.title for c in FOUND}, myst.references(ROOT / "book" / "references.bib"))
ROLES = re.compile(
    r"\{(?:claim|tally|cite|numref|eq|ref|doc|math)[:\w]*\}|^```\{|^\([\w-]+\)=$", re.M
)
LOCK = """one==1 ; python_full_version < '3.12' \\
    --hash=sha256:aa
    # via lwsurvey (pyproject.toml)
one==2 ; python_full_version >= '3.12' \\
    --hash=sha256:bb
    # via lwsurvey (pyproject.toml)
other==1 \\
    --hash=sha256:cc
    # via sphinx
Part_Two==3 \\
    --hash=sha256:dd
    # via
    #   other
    #   one
"""


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, prog_name="lwsurvey")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def copied(course, tmp_path) -> Path:
    return Path(shutil.copytree(course, tmp_path / "course"))


@pytest.fixture
def no_wheel(course, monkeypatch) -> None:
    """The wheel of the shared course, instead of another just like it."""
    made = next(course.glob("source/*/*.whl"))
    monkeypatch.setattr(package, "build", lambda *_: made)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{cite}`tan2019efficientnet,liu2022analysis`", "[Tan and Le, 2019; Liu, 2022]"),
        ("{cite:t}`hu2018se`", "Hu et al. [2018]"),
        ("{cite}`nobody2000`", "[nobody2000]"),
        ("({claim}`C069`, {eq}`eq-field`)", "(C069, (field))"),
        ("{numref}`fig-reach` and {numref}`tbl-grid`", "Fig. `fig-reach` and Table `tbl-grid`"),
        ("the {ref}`chapter on V3 <mobilenet-v3>`", "the chapter on V3"),
        ("{ref}`conv-cost`", "“The arithmetic of a convolution”"),
        ("(se)=\n# Title", "# Title"),
        ("```{math}\n:label: eq-field\nr = 2\n```", "$$\nr = 2\n\\tag{field}\n$$"),
        ("```{math}\nr = 2\n```", "$$\nr = 2\n$$"),
        ("a set `{x}` and $x_{n}`$", "a set `{x}` and $x_{n}`$"),
    ],
)
def test_roles_become_words(text, expected):
    assert myst.markdown(text, BOOK) == expected


def test_roles_in_sentences_of_the_code_become_words():
    source = 'show.say(f"{x} ({{numref}}`tbl-v1`, {{claim}}`C069`)" + "{eq}`eq-a`")'
    assert myst.code(source, BOOK) == 'show.say(f"{x} (Table `tbl-v1`, C069)" + "(a)")'


def test_parameters_are_replaced_and_their_comments_stay():
    source = (
        'preset = "cpu"  # α\nsizes = [  # of\n    1,\n]  # end\nn = 450_000  # kept\nj = -1  # j'
    )
    values = {"preset": "smoke", "sizes": [7, 28], "n": 450000, "j": 1}
    expected = 'preset = "smoke"  # α\nsizes = [7, 28]  # end\nn = 450_000  # kept\nj = 1  # j'
    assert assignment.parameters(source, values) == expected


def test_students_install_what_the_lock_says_and_no_more():
    assert package.closure(LOCK, ["one"]) == LOCK.replace(
        "other==1 \\\n    --hash=sha256:cc\n    # via sphinx\n", ""
    )
    with pytest.raises(package.PackageError, match=r"requirements\.lock has no two"):
        package.closure(LOCK, ["one", "two"])


@pytest.mark.parametrize("one", FOUND, ids=lambda one: one.slug)
def test_every_chapter_is_plain_markdown_in_the_smoke_preset(one):
    made = assignment.notebook(one, BOOK)
    assert [c.source for c in made.cells if ROLES.search(c.source)] == []
    (cell,) = (c for c in made.cells if c.metadata.get("tags") == ["parameters"])
    scope: dict[str, object] = {}
    exec(cell.source, scope)
    assert {name: scope[name] for name in one.parameters} == one.resolve("smoke")
    before = {c["id"]: c for c in one.cells}
    for cell in made.cells:
        if "nbgrader" in cell.metadata:
            assert cell.source == before[cell.id]["source"]
            assert cell.metadata.nbgrader == before[cell.id]["metadata"]["nbgrader"]


def test_students_get_no_solutions_and_no_hidden_tests(course):
    for slug in ("conv-cost", "mnasnet-reward"):
        source, release = (course / s / slug / f"{slug}.ipynb" for s in ("source", "release"))
        assert "BEGIN SOLUTION" in source.read_text() and "HIDDEN TESTS" in source.read_text()
        assert not re.search("SOLUTION|HIDDEN TESTS", release.read_text())
        cells = read(release).cells
        answers = [c for c in cells if c.metadata.get("nbgrader", {}).get("solution")]
        stubs = [
            "YOUR ANSWER HERE" if c.cell_type == "markdown" else "raise NotImplementedError()"
            for c in answers
        ]
        assert all(stub in c.source for stub, c in zip(stubs, answers, strict=True))
        assert len(set(stubs)) == 2


def test_students_get_all_that_they_need(course):
    folder = course / "release" / "conv-cost"
    (wheel,) = folder.glob("*.whl")
    assert re.fullmatch(r"lwsurvey-[\d.]+\+(g[0-9a-f]{12}(\.dirty)?|unknown)-.*\.whl", wheel.name)
    readme, needed = ((folder / n).read_text() for n in ("README.md", "requirements.txt"))
    assert wheel.name in readme and "conv-cost.ipynb" in readme
    assert "| 4. conv-cost-words (in words) | 2 |" in readme
    names = set(re.findall(r"^([\w.-]+)==", needed, re.M))
    assert {"torch", "jupyterlab", "ipykernel", "numpy", "traitlets"} <= names
    assert not {"nbgrader", "sphinx", "pytest"} & names
    assert needed.split("\n", 1)[1].startswith("anyio") and "://" not in needed


def test_the_gradebook_knows_the_points(course):
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        points = {a.name: a.max_score for a in book.assignments}
        assert points == {"conv-cost": 8, "mnasnet-reward": 11}


def test_a_course_is_plain_nbgrader_and_can_be_moved(course):
    settings = (course / "nbgrader_config.py").read_text()
    assert "import lwsurvey" not in settings and MARK in settings
    texts = [p for p in course.rglob("*") if p.suffix in (".py", ".md", ".txt", ".ipynb")]
    places = (str(course.parent), str(ROOT), str(Path.home()) + "/")
    assert not [(p, place) for p in texts for place in places if place in p.read_text()]


PROBE = """
import lwsurvey, os
from lwsurvey import data, paths, provenance
from lwsurvey.claims.ledger import ledger
from lwsurvey.search import table
from lwsurvey.chapters.mnasnet_reward import formula
print(lwsurvey.__file__, paths.root(), paths.made("lookup"), provenance.commit(), sep="\\n")
assert ledger()["C069"] and len(table.load().runs) and formula.years("tan2019mnasnet")[0] == 2018
assert len(data.portion(10, 10).train) == 10
"""


def test_the_package_works_where_there_is_no_checkout(course, tmp_path):
    installed, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    zipfile.ZipFile(next(course.glob("release/*/*.whl"))).extractall(installed)
    environment = {k: v for k, v in os.environ.items() if k != "LWSURVEY_ROOT"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=elsewhere, env=environment | {"PYTHONPATH": str(installed)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    file, root, made, commit = done.stdout.splitlines()
    place = installed / "lwsurvey"
    assert (Path(file).parent, Path(root)) == (place, place / "files")
    assert Path(made) == elsewhere / "_build" / "lookup"
    assert commit == package.state(ROOT)


def test_a_wrong_command_is_refused_before_anything_is_made(tmp_path):
    full, taken = tmp_path / "full", tmp_path / "taken"
    full.mkdir()
    (full / "thesis.tex").write_text("")
    (taken / "source" / "se").mkdir(parents=True)
    (taken / "nbgrader_config.py").write_text(MARK)
    before = contents(tmp_path)
    for arguments, code, message in [
        ("conv-cots --out new", 2, "unknown chapter 'conv-cots' (did you mean conv-cost?)"),
        ("--out new", 2, "Missing argument 'CHAPTER...'"),
        ("se --out full/thesis.tex", 2, "is a file"),
        ("se --out full", 1, "is neither empty nor a course that lwsurvey assign made"),
        ("se --out taken", 1, "has se already; --force replaces it"),
    ]:
        *slugs, option, out = arguments.split()
        result = call("assign", *slugs, option, str(tmp_path / out))
        assert (result.exit_code, message in result.output) == (code, True), result.output
    (taken / "submitted" / "ada" / "se").mkdir(parents=True)
    assert (
        "and submissions of it (1), whose marks" in call("assign", "se", "--out", str(taken)).output
    )
    assert contents(tmp_path) == before and len(list(tmp_path.iterdir())) == 2


def test_after_a_failure_there_is_no_new_course(tmp_path, no_wheel, monkeypatch):
    def fail(*_):
        raise CourseError("no")

    monkeypatch.setattr(assignment, "generate", fail)
    assert call("assign", "se", "--out", str(tmp_path / "course")).output == "Error: no\n"
    assert list(tmp_path.iterdir()) == []


def test_after_a_failure_a_course_is_as_it_was(copied, no_wheel, monkeypatch):
    def fail_at_the_second(nbgrader, slug):
        if slug == "conv-cost":
            generate.generate(nbgrader, slug)
        else:
            raise CourseError("no")

    before = contents(copied)
    monkeypatch.setattr(assignment, "generate", fail_at_the_second)
    result = call("assign", "conv-cost", "se", "--force", "--out", str(copied))
    assert result.exit_code == 1 and "Error: no" in result.output
    assert contents(copied) == before and list(copied.parent.iterdir()) == [copied]


def test_chapters_are_added_and_replaced_and_settings_stay(copied, no_wheel):
    (copied / "nbgrader_config.py").write_text(f"{MARK}\nc = get_config()\nc.Execute.timeout = 5\n")
    notebook = copied / "source" / "conv-cost" / "conv-cost.ipynb"
    before = notebook.read_bytes()
    notebook.write_text("broken")
    result = call("assign", "se", "conv-cost", "--force", "--out", str(copied))
    assert result.exit_code == 0 and "se: 4 graded cells, 1 of them in words" in result.output
    assert notebook.read_bytes() == before
    assert "timeout = 5" in (copied / "nbgrader_config.py").read_text()
    with Gradebook(f"sqlite:///{copied / 'gradebook.db'}") as book:
        assert {a.name for a in book.assignments} == {"conv-cost", "mnasnet-reward", "se"}


def test_a_failure_of_nbgrader_is_told_in_words(copied):
    path = copied / "source" / "conv-cost" / "conv-cost.ipynb"
    notebook = read(path)
    notebook.cells[4].source += "\n### BEGIN SOLUTION"
    nbformat.write(notebook, path)
    with pytest.raises(CourseError, match="generate_assignment failed: RuntimeError: no end sol"):
        generate.generate(generate.grader(copied), "conv-cost")
    (copied / "nbgrader_config.py").write_text("1 / 0")
    with pytest.raises(CourseError, match=r"nbgrader_config\.py fails: ZeroDivisionError"):
        generate.grader(copied)
