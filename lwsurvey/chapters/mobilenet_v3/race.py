"""What the comparisons of times say, in the terms of the claims."""

from __future__ import annotations

import pandas as pd

from lwsurvey.chapters.mobilenet_v3.timing import RIVALS
from lwsurvey.latency import Comparison
from lwsurvey.stats import Estimate


def ratios(comparison: Comparison) -> dict[str, Estimate]:
    """V3's time over another's, by name; `paper.published_ratios` has the paper's."""
    pairs = {
        "V3-Large / V2": ("V3-Large", "V2"),
        "V3-Large / MnasNet-A1": ("timm: V3-Large 1.0", "timm: MnasNet-A1"),
        "V3-Small / V2 0.35": ("timm: V3-Small 1.0", "timm: V2 0.35"),
        "h-swish / ReLU": ("V3-Large", "V3-Large, ReLU"),
        "short / original tail": ("V3-Large, ours", "V3-Large, original tail"),
        "16 / 32 stem filters": ("V3-Large, ours", "V3-Large, 32-filter stem"),
    }
    return {name: comparison.ratio(*pair) for name, pair in pairs.items()}


def saved(comparison: Comparison, before: str) -> Estimate:
    """Reduction of the latency of V3-Large against it with a change taken back, in per cent."""
    return comparison.estimate(lambda t: 100 * (1 - t["V3-Large, ours"] / t[before]))


def least(comparison: Comparison) -> Estimate:
    """The smallest of the ratios of `RIVALS`: above 1 if and only if all are.

    Both ends are the smallest of the three intervals' ends.
    """
    found = [comparison.ratio(f"timm: {a}", f"timm: {b}") for a, b in RIVALS]
    value, low, high = (min(getattr(r, end) for r in found) for end in ("value", "low", "high"))
    widest = max(ratio.detectable or 0.0 for ratio in found)
    return Estimate(value, low, high, found[0].n, widest, found[0].note)


def share(comparison: Comparison) -> Estimate:
    """Time of the moved layer in per cent of V3-Large's."""
    return comparison.estimate(lambda t: 100 * t["moved layer"] / t["V3-Large"])


def said(estimate: Estimate, unit: str = "") -> str:
    """An estimate with its interval as text."""
    return estimate.text(unit=unit)


def medians(comparison: Comparison, unit: float = 1e6) -> pd.DataFrame:
    """Median time of each competitor with its interval.

    Args:
        comparison: of what was timed.
        unit: that a second has: 1e6 for microseconds.
    """
    rows = []
    for name in comparison.times:
        t = comparison.time(name)
        rows.append(
            {"way": name, "time": t.value * unit, "from": t.low * unit, "to": t.high * unit}
        )
    return pd.DataFrame(rows).set_index("way")
