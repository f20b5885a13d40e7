"""Random networks of which two have the same counts, MACs and parameters, and unequal latency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lwsurvey import latency
from lwsurvey.chapters.netadapt import shapes
from lwsurvey.chapters.netadapt.timing import Widths, call
from lwsurvey.latency import lookup
from lwsurvey.stats import Estimate


def cloud(widths: Widths, table: lookup.Table, count: int, seed: int = 0) -> pd.DataFrame:
    """Counts and estimated latency of random networks.

    Returns:
        Columns ``widths``, ``MACs``, ``parameters``, ``latency`` (seconds).
    """
    macs = shapes.Macs(shapes.mobilenet_v1(widths))
    drawn = shapes.random(widths, count, seed)
    made = [shapes.weightless(one) for one in drawn]
    return pd.DataFrame({
        "widths": drawn, "MACs": [macs(one) for one in made],
        "parameters": [sum(p.numel() for p in one.parameters()) for one in made],
        "latency": [table.estimate(one) for one in made],
    })  # fmt: skip


def twins(frame: pd.DataFrame, within: float = 0.02) -> tuple[int, int]:
    """Two rows of nearly equal counts whose estimated latencies are furthest apart, slow one first.

    Args:
        frame: columns ``MACs``, ``parameters`` and ``latency``.
        within: by how much the two may differ in each of the counts, as a share.

    Raises:
        ValueError: no two rows are that near.
    """
    seconds = frame["latency"].to_numpy()
    near = _near(frame["MACs"], within) & _near(frame["parameters"], within)
    np.fill_diagonal(near, False)
    if not near.any():
        raise ValueError(f"no two of {len(frame)} networks have counts within {within:.0%}")
    apart = np.where(near, seconds[:, None] / seconds, 0)
    return tuple(int(place) for place in np.unravel_index(apart.argmax(), apart.shape))


def _near(counts: pd.Series, within: float) -> np.ndarray:
    logs = np.log(counts.to_numpy(dtype=float))
    return np.abs(logs[:, None] - logs) <= within


def of_twins(
    frame: pd.DataFrame, pair: Sequence[int], budget: float, device: str = "cpu"
) -> Estimate:
    """The measured latency of the first of two networks over the second's.

    Args:
        frame: of `cloud`.
        pair: rows.
        budget: seconds.
        device: where.
    """
    named = dict(zip(("slow", "quick"), frame["widths"].iloc[list(pair)], strict=True))
    calls = {name: call(shapes.mobilenet_v1(widths), device) for name, widths in named.items()}
    return latency.compare(calls, device=device, budget=budget).ratio("slow", "quick")
