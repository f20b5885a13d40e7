"""The walls and the room sizes of the house: who may import whom, and how large a room may be."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "lwsurvey"
CHAPTERS = PACKAGE / "chapters"
SLUGS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))

LINES, MODULES = 400, 5
"""What a chapter package may have."""
WRITTEN = {
    "mobilenet-v1": (612, 5),
    "mobilenet-v3": (1120, 6),
    "relu-collapse": (666, 5),
    "se": (805, 5),
    "shufflenet-v1": (776, 5),
}
"""Lines and modules of chapters of the first edition; they come down when they are rewritten."""
SLACK = 20
"""Lines that a chapter may be below its figure before the figure is lowered."""
LONGEST = 300
"""Lines that a module may have."""
TOTAL_LINES, TOTAL_FILES = 35_000, 290
"""What the whole package may have; it falls as the chapters above come down to `LINES`."""


def package(slug: str) -> str:
    return slug.replace("-", "_")


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def imported(source: str) -> set[str]:
    """Every dotted name that code imports, with the names taken from it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_walls_stand():
    """The contracts are in pyproject.toml."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("slug", SLUGS)
def test_a_notebook_imports_no_other_chapter(slug):
    cells = json.loads((ROOT / "notebooks" / f"{slug}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    names = {name for source in code for name in imported(source)}
    of_chapters = {name for name in names if name.startswith("lwsurvey.chapters")}
    own = f"lwsurvey.chapters.{package(slug)}"
    assert {n for n in of_chapters if n != own and not n.startswith(f"{own}.")} == set()
    assert {name for name in names if name.startswith("lwsurvey.press")} == set()


def test_each_chapter_has_a_package_a_notebook_and_a_test_file():
    packages = {path.name for path in CHAPTERS.iterdir() if (path / "__init__.py").is_file()}
    assert packages == set(map(package, SLUGS))
    tests = {path.stem for path in (ROOT / "tests" / "chapters").glob("test_*.py")}
    assert {f"test_{name}" for name in packages} <= tests


@pytest.mark.parametrize("slug", SLUGS)
def test_nothing_of_the_mould_is_left(slug):
    """`lwsurvey new` marks TODO what a person has to write."""
    name = package(slug)
    files = [ROOT / "notebooks" / f"{slug}.ipynb", *(CHAPTERS / name).rglob("*.py")]
    files += [ROOT / "tests" / "answers" / f"{slug}.py", ROOT / f"tests/chapters/test_{name}.py"]
    left = {str(f.relative_to(ROOT)): f.read_text(encoding="utf-8").count("TODO") for f in files}
    assert {name: count for name, count in left.items() if count} == {}


@pytest.mark.parametrize("slug", SLUGS)
def test_a_chapter_package_keeps_to_its_budget(slug):
    files = sorted((CHAPTERS / package(slug)).rglob("*.py"))
    modules = [path for path in files if path.name != "__init__.py"]
    total, most_lines, most_modules = sum(map(lines, files)), *WRITTEN.get(slug, (LINES, MODULES))
    print(f"{slug}: {total} lines in {len(modules)} modules of {most_lines} in {most_modules}")
    assert total <= most_lines
    assert len(modules) <= most_modules


def test_no_chapter_stands_on_the_list_without_need():
    """Whoever has brought a chapter down takes it off, or lowers its figures."""
    assert set(WRITTEN) <= set(SLUGS)
    assert all(of > LINES or modules > MODULES for of, modules in WRITTEN.values())
    sizes = {s: sum(map(lines, (CHAPTERS / package(s)).rglob("*.py"))) for s in WRITTEN}
    assert {s: n for s, n in sizes.items() if n < WRITTEN[s][0] - SLACK} == {}, "lower its figures"


def test_modules_and_the_package_keep_to_their_sizes():
    files = sorted(PACKAGE.rglob("*.py"))
    long = {str(path.relative_to(ROOT)): lines(path) for path in files if lines(path) > LONGEST}
    total = sum(map(lines, files))
    print(f"lwsurvey: {total} lines in {len(files)} files")
    assert long == {}
    assert total <= TOTAL_LINES
    assert len(files) <= TOTAL_FILES
