"""What the site offers to take away reads well and works where there is no checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import venv
import zipfile
from pathlib import Path

import nbformat
import pytest
import site_root

from lwsurvey import paths
from lwsurvey.press.course.assign import assignment
from lwsurvey.press.site import download, myst
from lwsurvey.press.site.notebook import NotebookError
from lwsurvey.press.sources import chapters

ROOT = paths.root()
FOUND = chapters.discover()
BOOK = myst.Book(
    {c.slug: c.title for c in FOUND}, myst.references(ROOT / "book" / "references.bib")
)
MYST = re.compile(
    r"\{(?:claim|source|tally|cite|numref|eq|ref|doc|math)[:\w]*\}\}?`"
    r"|^(?:`{3,}|:{3,})\{|^\([\w-]+\)=$|(?:BEGIN|END) [HS]",
    re.M,
)
RUN = """
import nbformat, sys
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
notebook.cells.append(nbformat.v4.new_code_cell("import lwsurvey; print(lwsurvey.__file__)"))
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
print(notebook.cells[-1].outputs[0].text)
"""


@pytest.mark.parametrize("one", FOUND, ids=lambda one: one.slug)
def test_a_chapter_reads_well_without_the_book(one):
    source = nbformat.read(one.path, as_version=4)
    loaded = download.download(source, one.slug, BOOK, "book.whl")
    assert [(c.id, m) for c in loaded.cells for m in MYST.findall(c.source)] == []
    assert loaded.cells[0].source.startswith("# ")
    assert loaded.cells[1].id == "install" and 'wheel = "book.whl"' in loaded.cells[1].source
    folded = [c for c in loaded.cells if c.metadata.get("jupyter", {}).get("source_hidden")]
    assert folded and all("show." in cell.source for cell in folded)
    assert len({cell.id for cell in loaded.cells}) == len(loaded.cells)


def test_hidden_tests_stay_here():
    assert "secret" in nbformat.writes(site_root.source())
    found = download.download(site_root.source(), "conv-cost", BOOK, "book.whl")
    assert "secret" not in nbformat.writes(found) and "assert True" in nbformat.writes(found)
    broken = site_root.source()
    broken.cells[-1].source = "### BEGIN HIDDEN TESTS\nassert secret"
    with pytest.raises(NotebookError, match="without begin or end"):
        download.download(broken, "conv-cost", BOOK, "book.whl")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```{note}\nMind *it*.\n```", "> **Note**\n>\n> Mind *it*."),
        (":::{admonition} The title\n:class: tip\nOne.\n:::", "> **The title**\n>\n> One."),
        ("{source}`Head <lwsurvey.models.blocks.Head>`", "`Head`"),
        ("see {numref}`lst-head`", "see Listing `lst-head`"),
    ],
)
def test_directives_and_names_become_markdown(text, expected):
    assert myst.markdown(text, BOOK) == expected


@pytest.fixture(scope="module")
def offered(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("offered")
    download.offer(ROOT, ["conv-cost"], folder)
    return folder


def test_the_archive_has_all_that_is_needed(offered):
    (wheel,) = offered.glob("*.whl")
    with zipfile.ZipFile(offered / download.ARCHIVE) as archive:
        names = {"conv-cost.ipynb", "README.md", "requirements.txt", wheel.name}
        assert set(archive.namelist()) == {f"notebooks/{name}" for name in names}
        assert wheel.name in archive.read("notebooks/README.md").decode()
        assert archive.read(f"notebooks/{wheel.name}") == wheel.read_bytes()


def empty_environment(folder: Path) -> Path:
    """A Python with the libraries of this one but without the book's package."""
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


@pytest.mark.full
def test_a_download_installs_its_package_and_runs_without_a_checkout(offered, tmp_path):
    python = empty_environment(tmp_path / "environment")
    chapter = next(one for one in FOUND if one.slug == "conv-cost")
    with zipfile.ZipFile(offered / download.ARCHIVE) as archive:
        archive.extractall(tmp_path)
    path = tmp_path / "notebooks" / "conv-cost.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source = assignment.parameters(cell.source, chapter.resolve("smoke"))
    nbformat.write(notebook, path)
    ours = ("PYTHONPATH", "LWSURVEY_ROOT", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(
        [python, "-c", RUN, path], cwd=path.parent, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "environment")


@pytest.mark.slow
def test_without_the_wheel_the_first_cell_says_what_to_do(offered, tmp_path):
    python = empty_environment(tmp_path / "environment")
    notebook = nbformat.read(offered / "conv-cost.ipynb", as_version=4)
    notebook.cells = notebook.cells[:2]
    nbformat.write(notebook, tmp_path / "one.ipynb")
    environment = {n: v for n, v in os.environ.items() if n not in ("PYTHONPATH", "LWSURVEY_ROOT")}
    command = [python, "-c", RUN, "one.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert re.search(r"FileNotFoundError.*put lwsurvey-.*\.whl beside this notebook", done.stderr)
