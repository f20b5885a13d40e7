"""What a resource reduction schedule guarantees, and what the papers print of theirs."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd

from lwsurvey import paths

PUBLISHED = {"first": 0.025, "decay": 0.96, "iterations": 30}
"""Defaults of the published code: first step over the seed's resource, decay, most iterations."""


def steps(first: float, decay: float, count: int) -> np.ndarray:
    """Reductions of ``count`` iterations: ``first * decay ** (i - 1)``.

    Raises:
        ValueError: a first step that is not positive, or a decay outside of (0, 1].
    """
    if not first > 0 or not 0 < decay <= 1:
        raise ValueError(f"need first > 0 and 0 < decay <= 1, not {first} and {decay}")
    return first * decay ** np.arange(count)


def needed(first: float, decay: float, reduction: float) -> float:
    """Iterations after which the steps add up to a reduction; infinite if they never do.

    A decaying schedule can take away ``first / (1 - decay)`` and no more, however long it runs.
    Accepted proposals usually overshoot, so that a run may need fewer.
    """
    if decay == 1:
        return math.ceil(reduction / first - 1e-9)
    left = 1 - reduction * (1 - decay) / first
    return math.ceil(math.log(left) / math.log(decay) - 1e-9) if left > 0 else math.inf


def printed() -> pd.DataFrame:
    """The paper's table of schedules, with the sum of the steps and the least seed latency.

    Every accepted step takes away Delta R or more, so that the network that a run begins with
    takes at least the result's latency and the steps together.

    Returns:
        Index ``first, ms``; ``decay``, ``iterations``, ``top-1, %``, ``latency, ms``, ``steps,
        ms``, ``seed at least, ms``.
    """
    table = pd.read_csv(paths.data("papers/papers_netadapt_table2.csv"))
    sums = [steps(r.initial_reduction_ms, r.decay, r.iterations).sum() for r in table.itertuples()]
    return pd.DataFrame({
        "first, ms": table.initial_reduction_ms, "decay": table.decay,
        "iterations": table.iterations, "top-1, %": table.top1,
        "latency, ms": table.latency_ms, "steps, ms": sums,
        "seed at least, ms": table.latency_ms + sums,
    }).set_index("first, ms")  # fmt: skip


def of_mobilenet_v3() -> float:
    """The step that MobileNet V3's authors print, as a share of the seed network's latency."""
    table = pd.read_csv(paths.data("papers/papers_mobilenetv3_design.csv"))
    [text] = table.loc[table["item"] == "NetAdapt steps T and delta", "final_version"]
    return float(re.search(r"delta=([\d.]+)\*\|L\|", text).group(1))


def macs_in_the_paper() -> pd.DataFrame:
    """The paper's networks made with MACs as the target: MACs and phone latency, % of the seed's.

    Returns:
        Columns ``network``, ``MACs, %``, ``latency, %``, ``top-1, %``.
    """
    table = pd.read_csv(paths.data("papers/papers_netadapt_table1.csv"))
    return pd.DataFrame({
        "network": table.network, "MACs, %": table.macs_pct, "latency, %": table.latency_pct,
        "top-1, %": table.top1,
    })  # fmt: skip


AFFILIATIONS = {
    "Tien-Ju Yang": "MIT", "Andrew Howard": "Google", "Bo Chen": "Google",
    "Xiao Zhang": "Google", "Alec Go": "Google", "Mark Sandler": "Google",
    "Vivienne Sze": "MIT", "Hartwig Adam": "Google",
}  # fmt: skip
"""Of the authors, from the front matter of Yang et al. 2018."""


def home() -> str:
    """Where NetAdapt comes from: the affiliations of its authors, in their order."""
    return " and ".join(dict.fromkeys(AFFILIATIONS.values()))


def published_entries() -> int:
    """Entries of the published code's table for MobileNet V1 at 224."""
    table = pd.read_csv(paths.data("papers/papers_netadapt_facts.csv")).set_index("item")
    text = table.loc["repo look-up table size for MobileNetV1 at 224", "value"]
    return int(re.search(r"(\d+) entries", text).group(1))
