"""Tables 1 to 4 of the paper: printed speeds, and what its text says about them."""

from __future__ import annotations

from functools import cache

import pandas as pd

from lwsurvey import paths

_SPEEDS = {
    1: {"GPU": ("gpu_batches_per_s_x1", "gpu_x2", "gpu_x4"),
        "ARM": ("arm_images_per_s_x1", "arm_x2", "arm_x4")},
    2: {"GPU": ("gpu_batches_per_s_x1", "gpu_x2", "gpu_x4"),
        "ARM": ("cpu_images_per_s_x1", "cpu_x2", "cpu_x4")},
    3: {"GPU": ("gpu_batches_per_s_c128", "gpu_c256", "gpu_c512"),
        "ARM": ("cpu_images_per_s_c64", "cpu_c128", "cpu_c256")},
    4: {"GPU": ("gpu_batches_per_s_c32", "gpu_c64", "gpu_c128"),
        "ARM": ("cpu_images_per_s_c32", "cpu_c64", "cpu_c128")},
}  # fmt: skip
VIOLATIONS = {
    1: (("1:12", "1:1"),),
    2: (("g = 8", "g = 1"),),
    3: (("4-fragment-series", "1-fragment"), ("4-fragment-parallel", "1-fragment")),
    4: (("ReLU and shortcut", "neither"),),
}
"""For each guideline the arms that break it most, with the arm that keeps it."""


@cache
def printed(guideline: int) -> pd.DataFrame:
    """A table of the paper with our names of its arms in the column ``arm``.

    Args:
        guideline: 1 to 4, which is also the number of the table.
    """
    table = pd.read_csv(paths.data(f"papers/papers_shufflenetv2_table{guideline}.csv"), dtype=str)
    return table.assign(arm=[_name(guideline, row) for row in table.to_dict("records")])


def speeds(guideline: int, platform: str) -> pd.DataFrame:
    """Printed speeds, a row for each arm and a column (0, 1, 2) for each size.

    Args:
        guideline: 1 to 4.
        platform: ``GPU`` (batches a second, GTX 1080Ti) or ``ARM`` (images a second,
            Snapdragon 810).

    Raises:
        KeyError: another platform or guideline.
    """
    table = printed(guideline).set_index("arm")
    found = table[list(_SPEEDS[guideline][platform])].astype(float)
    return found.set_axis(range(3), axis=1)


def relative(guideline: int, platform: str) -> pd.DataFrame:
    """Speeds over those of the table's first row."""
    found = speeds(guideline, platform)
    return found / found.iloc[0]


def slowdowns(guideline: int, platform: str) -> pd.DataFrame:
    """How many times as long the violating arms take as those that keep the guideline.

    Returns:
        a row for each of `VIOLATIONS`, a column for each size.
    """
    found = speeds(guideline, platform)
    rows = {bad: found.loc[good] / found.loc[bad] for bad, good in VIOLATIONS[guideline]}
    return pd.DataFrame(rows).T


def slower_cells() -> pd.Series:
    """Whether the violating arm is slower, for each of the 30 cells of the four tables.

    Returns:
        truth values by guideline, platform, arm and size.
    """
    cells = {
        (guideline, platform, arm, size): ratio > 1
        for guideline in VIOLATIONS
        for platform in ("GPU", "ARM")
        for arm, row in slowdowns(guideline, platform).iterrows()
        for size, ratio in row.items()
    }
    return pd.Series(cells)


def _name(guideline: int, row: dict[str, str]) -> str:
    if guideline == 1:
        return row["c1_c2_ratio"]
    if guideline == 2:
        return f"g = {row['groups']}"
    if guideline == 3:
        return row["block"]
    return {
        ("yes", "yes"): "ReLU and shortcut",
        ("yes", "no"): "ReLU only",
        ("no", "yes"): "shortcut only",
        ("no", "no"): "neither",
    }[row["relu"], row["shortcut"]]


def network_speeds(level: str, a: str, b: str) -> dict[str, float]:
    """Time of network ``a`` over that of ``b`` in table 8, by platform.

    Args:
        level: of the table's column, such as ``140M``.
        a: a model of that level as the table prints it.
        b: another.
    """
    table = pd.read_csv(paths.data("papers/papers_shufflenetv2_table8.csv"))
    rows = table[table.level == level].set_index("model")
    columns = {"GPU": "gpu_batches_per_s_bs8", "ARM": "arm_images_per_s_bs1"}
    return {name: float(rows[column][b] / rows[column][a]) for name, column in columns.items()}
