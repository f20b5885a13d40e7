"""Tables 1 to 4 of the paper: the speeds that it prints for each guideline."""

from __future__ import annotations

import re
from functools import cache

import pandas as pd

from lwsurvey import paths

PLATFORMS = {"gpu": "GPU", "arm": "ARM", "cpu": "ARM"}
"""First word of a column -> GTX 1080Ti (batches a second) or Snapdragon 810 (images a second)."""
SIZES = {1: r"x\d", 2: r"x\d", 3: r"c\d+", 4: r"c\d+"}
"""Last word of the columns of speeds, by table."""
VIOLATIONS = {
    1: {"1:12": "1:1"},
    2: {"g = 8": "g = 1"},
    3: {"4-fragment-series": "1-fragment", "4-fragment-parallel": "1-fragment"},
    4: {"ReLU and shortcut": "neither"},
}
"""By guideline: the variants that break it most -> the variant that keeps it."""


@cache
def printed(guideline: int) -> pd.DataFrame:
    """Table 1, 2, 3 or 4, all cells as text, by our name of each variant."""
    table = pd.read_csv(paths.data(f"papers/papers_shufflenetv2_table{guideline}.csv"), dtype=str)
    return table.set_index(table.apply(_name, axis=1).rename("variant"))


def _name(row: pd.Series) -> str:
    if "relu" in row:
        on = [
            word for word, key in (("ReLU", "relu"), ("shortcut", "shortcut")) if row[key] == "yes"
        ]
        return " and ".join(on) + " only" * (len(on) == 1) or "neither"
    first = row.iloc[0]
    return f"g = {first}" if "groups" in row else first


@cache
def speeds(guideline: int) -> pd.DataFrame:
    """Printed speeds: a row for each variant, columns by platform and size (0, 1, 2)."""
    table = printed(guideline)
    form = re.compile(rf"(gpu|arm|cpu)_(\w+_per_s_)?{SIZES[guideline]}")
    found = table[[name for name in table if form.fullmatch(name)]].astype(float)
    platforms = [PLATFORMS[name[:3]] for name in found]
    return found.set_axis([platforms, [k % 3 for k in range(6)]], axis=1)


def slowdowns() -> pd.Series:
    """Time of each violating variant over that of the compliant one: 30 cells of tables 1 to 4.

    Returns:
        Indexed by guideline, variant, platform and size.
    """
    cells = {
        (guideline, bad): speeds(guideline).loc[good] / speeds(guideline).loc[bad]
        for guideline, pairs in VIOLATIONS.items() for bad, good in pairs.items()
    }  # fmt: skip
    return pd.concat(cells, names=["guideline", "variant", "platform", "size"])
