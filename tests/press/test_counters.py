"""The page of counters beside each other: its tables, from the kept data."""

from __future__ import annotations

import re

import pandas as pd
import pytest
import site_root

from lwsurvey import paths
from lwsurvey.models import sweep
from lwsurvey.press.site import counters
from lwsurvey.press.site.render import Renderer
from lwsurvey.press.sources.plan import PlanError

PAGE = (paths.root() / "book" / "counters.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", counters.TABLES)
def test_each_table_is_on_the_page_and_its_cells_are_texts(name):
    caption, frame = counters.table(name)
    assert caption and len(frame) and frame.index.name and f"{{counters}} {name}\n" in PAGE
    assert frame.map(lambda cell: isinstance(cell, str)).all(axis=None)


def test_the_page_asks_for_no_other_table(tmp_path):
    known = site_root.known(site_root.make(tmp_path / "book"))
    assert set(re.findall(r"{counters} (\w+)", PAGE)) == set(counters.TABLES)
    with pytest.raises(PlanError, match="no table of counters 'race'; there are about, counts"):
        Renderer(known, paths.root() / "book").counters("race")


def test_numbers_are_those_of_the_kept_tables():
    counts = counters.table("counts")[1]
    kept = pd.read_csv(paths.data("benchmarks/counters.csv"))
    assert counts.columns[0] == counters.OURS and set(counts.index) == set(kept.network)
    libraries = counters.table("libraries")[1]
    models = sweep.models()
    for library, part in models.groupby("library"):
        assert libraries.loc["in the library", library] == f"{len(part):,}"
        assert libraries.loc["counted", library] == f"{part.macs.notna().sum():,}"
    published = counters.table("published")[1]
    total = sum(int(cell.replace(",", "")) for cell in published.to_numpy().ravel())
    assert total == len(sweep.published_figures())
