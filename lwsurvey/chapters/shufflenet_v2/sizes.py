"""The four networks of table 5 against the paper's sums, and units against each other."""

from __future__ import annotations

from functools import cache

import pandas as pd
import torch
from torch import nn

from lwsurvey import cost, paths
from lwsurvey.models import shufflenet_v1, shufflenet_v2

MILLION = 1_000_000


@cache
def networks() -> pd.DataFrame:
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
    table = networks()
    first, last = table.loc[low], table.loc[high]
    wide = [int(row.widths.split(",")[0]) for row in (first, last)]
    return {
        "least": (last["gap, M"] - 0.5) / (first["gap, M"] + 0.5),
        "macs": last["MACs, M"] / first["MACs, M"],
        "widths": wide[1] / wide[0],
    }


def units() -> pd.DataFrame:
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
