"""A small checkout for tests of the press: notebooks that run in a second, without torch."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nbformat
import yaml

from lwsurvey.claims.ledger import COLUMNS

CLAIM = {
    "source": "seed.txt",
    "kind": "number",
    "statement": "Two and two are four.",
    "measure": "the sum",
    "relation": "=",
    "value": "4",
    "unit": "1",
    "scale": "full",
    "basis": "counted",
    "verdict": "holds",
}
PARAMETERS = 'preset = "cpu"  # which numbers\nrepeats = 100  # of the sum\nrate = 0.5  # a share'
# The same outputs as claims.begin and claims.check give, without loading torch.
BEGIN = """from IPython.display import display
show = lambda **entry: display({{"text/plain": ""}}, raw=True, metadata={{"lwsurvey": entry}})
show(type="run", chapter="{slug}", preset=preset)"""
CHECK = """run = {{"chapter": "{slug}", "preset": preset}}
show(type="verdict", schema=1, id="{claim}", verdict="holds", run=run, failed=[],
     measured={{"value": 4, "low": 4, "high": 4, "n": 1, "detectable": None}})"""


class Checkout:
    """A folder with the files that the press needs."""

    def __init__(self, root: Path) -> None:
        self.root, self.claims, self.presets = root, [], {}
        for folder in ("data", "notebooks"):
            (root / folder).mkdir(parents=True)
        (root / "requirements.lock").write_text("one==1\n")

    def chapter(self, slug: str, *cells: str, **settings: object) -> Path:
        """Add a chapter that runs the cells between its begin and its one check."""
        claim = f"C{len(self.claims):03}"
        self.claims.append(CLAIM | {"id": claim, "chapter": slug})
        code = [BEGIN.format(slug=slug), *cells, CHECK.format(slug=slug, claim=claim)]
        path = self.write(slug, code)
        self.presets[slug] = {"smoke": {"repeats": 3}} | settings
        self.save()
        return path

    def write(self, slug: str, code: list[str]) -> Path:
        """Write a notebook with a title, a parameters cell, and code cells."""
        made = [nbformat.v4.new_markdown_cell(f"({slug})=\n# About {slug}", id="title")]
        made.append(nbformat.v4.new_code_cell(PARAMETERS, id="parameters"))
        made[1].metadata["tags"] = ["parameters"]
        made += [nbformat.v4.new_code_cell(c, id=f"cell-{i}") for i, c in enumerate(code)]
        path = self.root / "notebooks" / f"{slug}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=made), path)
        return path

    def save(self) -> None:
        """Write the ledger and the presets."""
        with open(self.root / "data" / "claims.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.claims)
        (self.root / "notebooks" / "presets.yml").write_text(yaml.safe_dump(self.presets))

    def result(self, slug: str, preset: str = "cpu") -> dict:
        """The executed notebook of a chapter."""
        return json.loads((self.root / f"_build/runs/{preset}/{slug}.ipynb").read_text())
