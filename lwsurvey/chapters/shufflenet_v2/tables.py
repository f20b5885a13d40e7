"""The paper's tables: printed speeds, what its text says about them, and its sums of costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pandas as pd
import torch
from torch import nn

from lwsurvey import cost, paths
from lwsurvey.models import shufflenet_v1, shufflenet_v2

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
"""For each guideline the variants that break it most, with the variant that keeps it."""
MILLION = 1_000_000


@cache
def printed(guideline: int) -> pd.DataFrame:
    """A table of the paper with our names of its variants in the column ``variant``.

    Args:
        guideline: 1 to 4, which is also the number of the table.
    """
    table = pd.read_csv(paths.data(f"papers/papers_shufflenetv2_table{guideline}.csv"), dtype=str)
    return table.assign(variant=[_name(guideline, row) for row in table.to_dict("records")])


def speeds(guideline: int, platform: str) -> pd.DataFrame:
    """Printed speeds, a row for each variant and a column (0, 1, 2) for each size.

    Args:
        guideline: 1 to 4.
        platform: ``GPU`` (batches a second, GTX 1080Ti) or ``ARM`` (images a second,
            Snapdragon 810).

    Raises:
        KeyError: another platform or guideline.
    """
    table = printed(guideline).set_index("variant")
    found = table[list(_SPEEDS[guideline][platform])].astype(float)
    return found.set_axis(range(3), axis=1)


def relative(guideline: int, platform: str) -> pd.DataFrame:
    """Speeds over those of the table's first row."""
    found = speeds(guideline, platform)
    return found / found.iloc[0]


def slowdowns(guideline: int, platform: str) -> pd.DataFrame:
    """How many times as long the violating variants take as those that keep the guideline.

    Returns:
        a row for each of `VIOLATIONS`, a column for each size.
    """
    found = speeds(guideline, platform)
    rows = {bad: found.loc[good] / found.loc[bad] for bad, good in VIOLATIONS[guideline]}
    return pd.DataFrame(rows).T


def slower_cells() -> pd.Series:
    """Whether the violating variant is slower, for each of the 30 cells of the four tables.

    Returns:
        truth values by guideline, platform, variant and size.
    """
    cells = {
        (guideline, platform, variant, size): ratio > 1
        for guideline in VIOLATIONS
        for platform in ("GPU", "ARM")
        for variant, row in slowdowns(guideline, platform).iterrows()
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


# The text of sections 2 (G1 to G4), held against the cells of the tables.


@dataclass(frozen=True)
class Remark:
    """A sentence of the text in our words, and the cells that it is about.

    Attributes:
        says: what the text says.
        guideline: 1 to 4.
        platforms: whose columns it speaks of.
        fits: whether a time of the violating variant over the compliant one fits the sentence.
        variant: the only one that the sentence speaks of; all of `VIOLATIONS` if not given.
    """

    says: str
    guideline: int
    platforms: tuple[str, ...]
    fits: Callable[[float], bool]
    variant: str | None = None

    def ratios(self) -> pd.Series:
        """Times of the violating variants over the compliant one, all cells of the sentence."""
        parts = {platform: slowdowns(self.guideline, platform) for platform in self.platforms}
        chosen = slice(None) if self.variant is None else [self.variant]
        return pd.concat({name: part.loc[chosen].stack() for name, part in parts.items()})


REMARKS = {
    "G1": Remark("speed falls as the ratio leaves 1:1 (1:12)", 1, ("GPU", "ARM"), lambda r: r > 1),
    "G2, GPU": Remark("8 groups are more than twice as slow as 1", 2, ("GPU",), lambda r: r > 2),
    "G2, ARM": Remark(
        "8 groups lose up to 30 % of the speed", 2, ("ARM",), lambda r: 1 < r <= 1 / 0.695
    ),
    "G3, GPU": Remark("4 fragments are 3 times as slow as 1", 3, ("GPU",), lambda r: r >= 2.5),
    "G3, ARM, series": Remark(
        "fragments cost speed, relatively little", 3, ("ARM",), lambda r: r > 1,
        "4-fragment-series",
    ),
    "G3, ARM, parallel": Remark(
        "fragments cost speed, relatively little", 3, ("ARM",), lambda r: r > 1,
        "4-fragment-parallel",
    ),
    "G4": Remark(
        "without ReLU and shortcut around 20 % faster", 4, ("GPU", "ARM"),
        lambda r: 1.15 <= r < 1.25,
    ),
}  # fmt: skip
"""By guideline and platform. "30 %" and "20 %" get half of their last printed ten or five
percent as room, "3 times" is 2.5 or more."""


def remarks() -> pd.DataFrame:
    """Each remark with the range of its cells and how many of them fit."""
    rows = {}
    for where, remark in REMARKS.items():
        ratios = remark.ratios()
        rows[where] = {
            "the text says": remark.says,
            "in its table": f"{ratios.min():.2f} to {ratios.max():.2f}",
            "cells that fit": f"{sum(map(remark.fits, ratios))} of {len(ratios)}",
        }
    return pd.DataFrame(rows).T.rename_axis("guideline")


# The networks of table 5 against the paper's sums, and units against each other.


@cache
def sizes() -> pd.DataFrame:
    """MACs and parameters in millions of each scale of ShuffleNet V2, ours and printed."""
    printed = pd.read_csv(paths.data("papers/papers_shufflenetv2_table5.csv"), dtype=str).set_index(
        "layer"
    )
    rows = {}
    for scale, widths in shufflenet_v2.WIDTHS.items():
        with torch.device("meta"):
            counted = cost.count(shufflenet_v2.ShuffleNetV2(scale), (1, 3, 224, 224))
        paper = {row: float(printed.loc[f"paper_{row}_M", f"ch_{scale:g}x"])
                 for row in ("flops", "params")}  # fmt: skip
        rows[f"{scale:g}×"] = {
            "widths": ", ".join(map(str, widths[1:])),
            "MACs, M": counted.macs / MILLION,
            "paper's FLOPs, M": paper["flops"],
            "gap, M": paper["flops"] - counted.macs / MILLION,
            "parameters, M": counted.parameters / MILLION,
            "paper's, M": paper["params"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scale")


def growth(low: str, high: str) -> dict[str, float]:
    """How the gap to the paper grows from one scale to another.

    Returns:
        ``least``: of the gap, whatever the rounding of the paper's whole millions; ``macs``:
        of the MACs; ``widths``: of the stages' widths.
    """
    table = sizes()
    first, last = table.loc[low], table.loc[high]
    wide = [int(row.widths.split(",")[0]) for row in (first, last)]
    return {
        "least": (last["gap, M"] - 0.5) / (first["gap, M"] + 0.5),
        "macs": last["MACs, M"] / first["MACs, M"],
        "widths": wide[1] / wide[0],
    }


def accesses() -> pd.DataFrame:
    """Stage 2 units of V1 (1x, 3 groups) and V2 (1x), and both networks, by the counter."""
    parts: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
        "unit of V1, 240 channels": (shufflenet_v1.Unit(240, 240, 3), (1, 240, 28, 28)),
        "unit of V2, 116 channels": (shufflenet_v2.Unit(116, 116), (1, 116, 28, 28)),
        "network V1 1×": (shufflenet_v1.ShuffleNetV1(3), (1, 3, 224, 224)),
        "network V2 1×": (shufflenet_v2.ShuffleNetV2(1.0), (1, 3, 224, 224)),
    }
    rows = {}
    for name, (module, shape) in parts.items():
        counted = cost.profile(module.eval(), shape)
        rows[name] = {
            "MACs": counted.macs,
            "elements read and written": counted.memory_access,
            "elements per 1000 MACs": 1000 * counted.memory_access / counted.macs,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("part")
