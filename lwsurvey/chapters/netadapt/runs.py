"""What NetAdapt's runs did, as frames for tables and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pandas as pd
from torch import nn

from lwsurvey.chapters.netadapt import algorithm, shapes
from lwsurvey.chapters.netadapt.algorithm.choosing import counts
from lwsurvey.chapters.netadapt.study import Searched, last_widths
from lwsurvey.latency import Comparison


def picked(run: algorithm.Adapted) -> pd.DataFrame:
    """The proposals that a run went on with, by step."""
    return run.log[run.log["picked"]].set_index("step")


def latencies(run: algorithm.Adapted, walked: Comparison) -> pd.DataFrame:
    """Latency along a run, per cent of the seed network's: columns ``table`` and ``whole``.

    Args:
        run: guided by a table.
        walked: its networks, timed; see `lwsurvey.chapters.netadapt.timing.along`.
    """
    whole = [100 * walked.ratio(step, "0").value for step in walked.times]
    return pd.DataFrame({"table": 100 * run.path["resource"] / run.start[0], "whole": whole})


def accuracies(run: algorithm.Adapted) -> pd.DataFrame:
    """Held-out accuracy along a run, per cent: columns ``cut`` (before tuning) and ``tuned``."""
    return pd.DataFrame({"cut": picked(run)["before"], "tuned": run.path["accuracy"]})


def recovered(run: algorithm.Adapted) -> float:
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


def broken_steps(run: algorithm.Adapted) -> int:
    """Steps that did not go as algorithm 1 has it.

    There is a proposal for each group of filters (or a line that says why there is none), each
    differs from its parent in one group, and the most accurate one was picked, one alone. A last
    step without any proposal, with which a run gives up, is none of them.
    """
    wrong = 0
    for _, rows in run.log.groupby("step"):
        met, picked = rows[rows["met"]], rows[rows["picked"]]
        good = sorted(rows["layer"]) == sorted(run.filters) and (met["changed"] == 1).all()
        best = len(picked) == 1 and picked["after"].item() == met["after"].max()
        wrong += not (good and (best or met.empty))
    return wrong


def asked_for(found: Sequence[Searched]) -> set[tuple[int, ...]]:
    """Widths of all networks whose latency the runs asked for, each once."""
    return {widths for one in found for widths in _asked(one.by_latency)}


def _asked(run: algorithm.Adapted) -> Iterator[tuple[int, ...]]:
    """By ChooseNumFilters, which tries the numbers of filters from the largest down."""
    places = {layer: k for k, layer in enumerate(run.widths)}
    yield tuple(int(n) for n in run.widths.iloc[0])
    for row in run.log.itertuples():
        now = [int(n) for n in run.widths.loc[row.step - 1]]
        for filters in counts(row.filters_before, shapes.MULTIPLE)[: row.tried]:
            now[places[row.layer]] = filters
            yield tuple(now)


def prices(widths: Sequence[int], **resources: Callable[[nn.Module], float]) -> pd.DataFrame:
    """What halving each layer saves, per cent of the whole; in the last row all have 8 filters.

    Args:
        widths: of the network.
        resources: by name; a column each.
    """
    half = {
        layer: (*widths[:k], widths[k] // 2, *widths[k + 1 :])
        for k, layer in enumerate(shapes.LAYERS)
    }
    half["all to 8"] = (shapes.MULTIPLE,) * len(widths)
    made, full = {n: shapes.weightless(w) for n, w in half.items()}, shapes.weightless(widths)
    saved = {
        name: [100 * (1 - cost(one) / cost(full)) for one in made.values()]
        for name, cost in resources.items()
    }
    return pd.DataFrame(saved, index=pd.Index(list(made), name="layer"))
