"""`lwsurvey new`: the empty chapter builds, runs, and fails only for what a person has to write."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lwsurvey.press.sources import mould, plan
from lwsurvey.press.sources.chapters import ChapterError

ROOT = Path(__file__).resolve().parents[2]
UNWRITTEN = "test_nothing_of_the_mould_is_left"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of what git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    copy = tmp_path_factory.mktemp("checkout")
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def slug(checkout) -> str:
    """A chapter that is planned and not written."""
    book = checkout / "book"
    planned = [slug for part in plan.parts(book) for slug in part.chapters]
    found = [slug for slug in planned if slug not in plan.pages(book)]
    if not found:
        pytest.skip("every planned chapter is written")
    return found[0]


def run(checkout: Path, *command: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(checkout), "LWSURVEY_ROOT": str(checkout)}
    return subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, cwd=checkout,
        env=environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def begun(checkout, slug) -> str:
    """What the command printed."""
    done = run(checkout, "lwsurvey", "new", slug)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_says_what_it_wrote(begun, checkout, slug):
    name = slug.replace("-", "_")
    for path in (f"notebooks/{slug}.ipynb", f"lwsurvey/chapters/{name}/blocks.py",
                 f"tests/answers/{slug}.py", f"tests/chapters/test_{name}.py"):  # fmt: skip
        assert path in begun
        assert (checkout / path).is_file()


def test_it_stands_where_the_plan_has_it(begun, checkout, slug):
    book = checkout / "book"
    order = [other for part in plan.parts(book) for other in part.chapters]
    pages = [page for page in plan.pages(book) if page in order]
    assert slug in pages
    assert pages == sorted(pages, key=order.index)
    presets = yaml.safe_load((checkout / "notebooks" / "presets.yml").read_text())
    assert "smoke" in presets[slug]


def test_a_chapter_that_was_begun_stays(begun, checkout, slug):
    before = (checkout / "notebooks" / f"{slug}.ipynb").read_bytes()
    again = run(checkout, "lwsurvey", "new", slug)
    assert again.returncode == 2
    assert "already" in again.stderr and "Traceback" not in again.stderr
    assert (checkout / "notebooks" / f"{slug}.ipynb").read_bytes() == before


def test_a_chapter_that_nobody_planned_is_refused(checkout):
    refused = run(checkout, "lwsurvey", "new", "mobilnet-v1")
    assert refused.returncode == 2
    assert "did you mean mobilenet-v1" in refused.stderr and "plan.yml" in refused.stderr


@pytest.mark.parametrize("slug", ["errata", "conv-cost"])
def test_a_page_that_is_written_is_refused(checkout, slug):
    with pytest.raises(ChapterError, match="already"):
        mould.create(checkout, slug)


def test_the_first_chapter_of_a_part_gets_its_caption(checkout):
    part = next(p for p in plan.parts(checkout / "book") if p.number == "IV")
    toc = "root: index\nparts:\n  - caption: V · Reckoning\n    chapters:\n      - file: ledger\n"
    made = yaml.safe_load(mould._with_page(toc, part, None, "amc"))
    assert [entry["caption"] for entry in made["parts"]] == [f"IV · {part.title}", "V · Reckoning"]
    assert made["parts"][0]["chapters"] == [{"file": "amc"}]


@pytest.fixture(scope="module")
def ran(begun, checkout, slug) -> str:
    done = run(checkout, "lwsurvey", "run", slug, "--preset", "smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_it_runs_in_smoke(ran, checkout, slug):
    assert (checkout / "_build" / "runs" / "smoke" / f"{slug}.ipynb").is_file()


@pytest.mark.slow
@pytest.mark.full
def test_only_what_a_person_has_to_write_fails(ran, checkout, slug):
    name = slug.replace("-", "_")
    shape = ("-m", "not slow", "-k", f"{slug} or {name}", "tests/press/test_house.py",
             "tests/press/test_notebooks.py", f"tests/chapters/test_{name}.py")  # fmt: skip
    marks = ("-k", f"{slug} and takes_no_marks", "tests/press/test_exercises.py")
    for chosen, wanted in ((shape, {UNWRITTEN}), (marks, set())):
        tests = run(checkout, "pytest", "-q", "-p", "no:cacheprovider", *chosen)
        assert set(re.findall(r"^FAILED \S+::(\w+)", tests.stdout, re.M)) == wanted, tests.stdout
        assert " passed" in tests.stdout
