"""What the recorded runs of NetAdapt did: paths, ends, queries, and accuracies side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lwsurvey.chapters.netadapt.networks import (
    FULL,
    LAYERS,
    MULTIPLE,
    Recorded,
    Widths,
    mobilenet_v1,
)
from lwsurvey.search.netadapt import Schedule


def path(run: pd.Series) -> pd.DataFrame:
    """A row of the study, step by step from 0: filters of each of `LAYERS`, held-out accuracy after
    the cut (``cut``) and the short fine-tuning (``tuned``), and the number of ``proposals``."""
    widths = dict(zip(LAYERS, FULL, strict=True))
    rows = [widths | {"tuned": run["validation"]}]
    for i in range(1, int(run["path_steps"]) + 1):
        widths = widths | {LAYERS[int(run[f"path_layer_{i:02}"])]: int(run[f"path_filters_{i:02}"])}
        rows.append(widths | {n: run[f"path_{n}_{i:02}"] for n in ("cut", "tuned", "proposals")})
    return pd.DataFrame(rows).rename_axis("step")


def ends(runs: pd.DataFrame, budget: int) -> list[Widths]:
    """Widths of each seed's network nearest to a budget, the first of them 0."""
    columns = [f"path_end_{budget}_{k}" for k in range(len(LAYERS))]
    return [tuple(int(n) for n in row) for row in runs[columns].to_numpy()]


def wide(runs: pd.DataFrame, variants: Sequence[str]) -> pd.DataFrame:
    """Test accuracies of variants as columns ``after_0``, ``after_1`` and so on, a row a seed."""
    frame = runs.pivot(index="seed", columns="variant", values="test")[list(variants)]
    frame.columns = [f"after_{b}" for b in range(len(variants))]
    frame.attrs = runs.attrs
    return frame.reset_index()


def side_by_side(found: Mapping[str, tuple[pd.DataFrame, Sequence[str]]]) -> pd.DataFrame:
    """Test accuracies as one study: name -> rows with one variant, and columns to be averaged."""
    parts = [
        pd.DataFrame({"variant": name, "seed": rows["seed"], "test": rows[list(columns)].mean(1)})
        for name, (rows, columns) in found.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame.attrs["runs"] = "; ".join(dict.fromkeys(rows.attrs["runs"] for rows, _ in found.values()))
    return frame


def asked(run: pd.Series, table: Recorded, schedule: Schedule, budget: float) -> list[Widths]:
    """All networks whose latency a run guided by the table asked for, in order.

    ChooseNumFilters tries the numbers of filters from the largest down, and needs no weights.
    """
    found: list[Widths] = []
    for i, widths in enumerate(path(run)[list(LAYERS)].to_numpy().tolist()[:-1], start=1):
        found.append(tuple(widths))
        limit = max(table(mobilenet_v1(widths)) - schedule.reduction(i), budget)
        for k, filters in enumerate(widths):
            for fewer in range((filters - 1) // MULTIPLE * MULTIPLE, 0, -MULTIPLE):
                found.append((*widths[:k], fewer, *widths[k + 1 :]))
                if table(mobilenet_v1(found[-1])) <= limit:
                    break
    return found
