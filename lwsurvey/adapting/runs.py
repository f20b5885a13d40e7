"""What NetAdapt's runs did, as frames for tables and pictures."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lwsurvey.adapting import shapes
from lwsurvey.adapting.study import Searched, last_widths
from lwsurvey.latency import Comparison
from lwsurvey.search import netadapt


def picked(run: netadapt.Adapted) -> pd.DataFrame:
    """The proposals that a run went on with, by step."""
    return run.log[run.log["picked"]].set_index("step")


def latencies(run: netadapt.Adapted, walked: Comparison) -> pd.DataFrame:
    """Latency along a run, per cent of the seed network's: columns ``table`` and ``whole``.

    Args:
        run: guided by a table.
        walked: its networks, timed; see `lwsurvey.adapting.timing.along`.
    """
    whole = [100 * walked.ratio(step, "0").value for step in walked.times]
    return pd.DataFrame({"table": 100 * run.path["resource"] / run.start[0], "whole": whole})


def accuracies(run: netadapt.Adapted) -> pd.DataFrame:
    """Held-out accuracy along a run, per cent: columns ``cut`` (before tuning) and ``tuned``."""
    return pd.DataFrame({"cut": picked(run)["before"], "tuned": run.path["accuracy"]})


def recovered(run: netadapt.Adapted) -> float:
    """What the short fine-tuning gave back in a step, in points, on average."""
    return float((picked(run)["after"] - picked(run)["before"]).mean())


def kept(found: Sequence[Searched], widths: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Filters over those of the seed network, per cent: a row a seed, a column a layer.

    Args:
        found: of all seeds.
        widths: of the seed network.
    """
    full = pd.Series(widths, index=shapes.LAYERS)
    ends: dict[str, list[tuple[int, ...]]] = {}
    for one in found:
        for name, run in one.adapted().items():
            ends.setdefault(name, []).append(last_widths(run))
    return {n: 100 * pd.DataFrame(rows, columns=full.index) / full for n, rows in ends.items()}
