"""A tiny book in a folder of its own: two claims, one chapter, no kernel."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lwsurvey import paths
from lwsurvey.claims import Ledger, judge
from lwsurvey.claims.card import card
from lwsurvey.claims.ledger import COLUMNS
from lwsurvey.claims.verdicts import record
from lwsurvey.press.site import state
from lwsurvey.press.site.state import State
from lwsurvey.schema import METADATA_KEY, SCHEMA

SEED = "000_d8022b1101851345.txt"
BASE = dict.fromkeys(COLUMNS, "") | {
    "source": SEED,
    "chapter": "conv-cost",
    "kind": "number",
    "measure": "count the things",
    "relation": "=",
    "unit": "1",
    "scale": "full",
    "basis": "counted",
}
CLAIMS = (
    BASE | {"id": "C001", "statement": "There are two.", "value": "2", "verdict": "holds"},
    BASE | {"id": "C002", "statement": "Later.", "value": "3", "chapter": "latency"},
)
PAGES = ("verdicts", "part-costs", "conv-cost", "ledger", "edition", "errata", "open-questions")
PROVENANCE = {
    "processor": "a processor", "gpu": None, "cores": 2, "threads": 1, "system": "Linux",
    "python": "3.11", "packages": {"numpy": "2"}, "commit": "abc", "date": "2026-01-01",
}  # fmt: skip


def make(root: Path, *, preset: str = "cpu", measured: float = 2.0, executed: bool = True) -> Path:
    """Fill a folder with the book's own pages, a tiny ledger and one chapter."""
    real = paths.root()
    shutil.copytree(real / "book", root / "book")
    shutil.copyfile(real / "_config.yml", root / "_config.yml")
    first = root / "book" / "index.md"
    first.write_text(re.sub(r"(?<=\{findings\} ).*", "C001", first.read_text()))
    toc = "format: jb-book\nroot: index\nchapters:\n" + "".join(
        f"- file: {name}\n" for name in PAGES
    )
    (root / "book" / "_toc.yml").write_text(toc + "- file: bibliography\n")
    for page in ("calculator.md", "counters.md", "instructors.md", "protocol.md", "rerun.md"):
        (root / "book" / page).unlink()
    for part in (root / "book").glob("part-*.md"):
        if part.stem not in PAGES:
            part.unlink()
    _unlink(root / "book" / "part-costs.md", "calculator.md")
    _unlink(root / "book" / "verdicts.md", "latency.ipynb")
    _unlink(first, "instructors.md")
    _unlink(first, "rerun.md")
    for page in (first, root / "book" / "verdicts.md"):
        _unlink(page, "protocol.md")
    (root / "data").mkdir()
    write_claims(root)
    (root / "notebooks").mkdir()
    nbformat.write(source(), root / "notebooks" / "conv-cost.ipynb")
    if executed:
        runs = root / "_build" / "runs" / preset
        runs.mkdir(parents=True)
        nbformat.write(executed_notebook(root, preset, measured), runs / "conv-cost.ipynb")
    return root


def known(root: Path) -> State:
    """What the tiny book knows once its chapter has been run."""
    ledger = Ledger.read(root / "data" / "claims.csv")
    return state.read(ledger, root / "book", root / "_build" / "runs" / "cpu", ["conv-cost"])


def _unlink(page: Path, target: str) -> None:
    """Leave the words of a page's links to what the tiny book does not have."""
    page.write_text(re.sub(rf"\[([^]]*)\]\({re.escape(target)}\)", r"\1", page.read_text()))


def write_claims(root: Path) -> None:
    """The two claims as a CSV file."""
    with open(root / "data" / "claims.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(CLAIMS)


def source() -> nbformat.NotebookNode:
    """A chapter with a claim, a figure and an exercise."""
    tests = "assert True\n### BEGIN HIDDEN TESTS\nassert secret\n### END HIDDEN TESTS"
    cells = [
        new_markdown_cell("(conv-cost)=\n\n# A chapter\n\nIt begins.", id="title"),
        new_markdown_cell("## The question\n\nIs {claim}`C001` so? $a^2$", id="question"),
        new_code_cell("x = 1", id="parameters", metadata={"tags": ["parameters"]}),
        new_code_cell("x = 2", id="injected", metadata={"tags": ["injected-parameters"]}),
        new_code_cell("begin()", id="begin"),
        new_code_cell("show.figure()", id="figure"),
        new_code_cell("claims.check('C001', 2)", id="check"),
        new_code_cell(
            "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION",
            id="answer",
            metadata={"tags": ["exercise", "hide-input"]},
        ),
        new_code_cell(tests, id="tests", metadata={"tags": ["remove-cell"]}),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def executed_notebook(root: Path, preset: str, measured: float) -> nbformat.NotebookNode:
    """The chapter with the outputs that a run would leave in it."""
    notebook = source()
    run = {"chapter": "conv-cost", "preset": preset, "parameters": {}, "provenance": PROVENANCE}
    verdict = judge(Ledger.read(root / "data" / "claims.csv")["C001"], measured)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path id="a" d="M0 0h9"/></svg>'
    )
    figure = {"type": "figure", "name": "fig-x", "caption": "A line.", "alt": "One line."}
    outputs = {
        "begin": ({"text/html": "<p>run</p>"}, {"type": "run", **run}),
        "figure": ({"image/svg+xml": svg}, figure),
        "check": ({"text/html": card(verdict)}, record(verdict) | {"run": run}),
    }
    for cell in notebook.cells:
        if cell.id in outputs:
            data, entry = outputs[cell.id]
            cell.outputs = [new_output("display_data", data, metadata={METADATA_KEY: entry})]
    notebook.metadata[METADATA_KEY] = {
        "schema": SCHEMA, "chapter": "conv-cost", "preset": preset, "parameters": {},
        "seconds": 1.5, "inputs": {},
    }  # fmt: skip
    return notebook
