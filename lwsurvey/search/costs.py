"""What the networks of the table cost: exact counts, and measured time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from lwsurvey import cost, latency, store
from lwsurvey.search import network, space
from lwsurvey.search.errors import SearchError

IMAGES = 32
"""Images of a timed batch."""

INPUT = (IMAGES, 1, 28, 28)
TOGETHER = 48
"""Networks that one comparison times in turns, besides the two that stand in all of them."""

ROUNDS = 21


def counted(networks: Iterable[space.Architecture]) -> pd.DataFrame:
    """``macs`` and ``parameters`` of each network for one image, by its short name."""
    rows = {}
    for one in networks:
        found = cost.count(network.build(one), (1, *INPUT[1:]))
        rows[space.name(one)] = {"macs": found.macs, "parameters": found.parameters}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def compared(
    networks: Sequence[space.Architecture], rounds: int | None = ROUNDS, **options: Any
) -> latency.Comparison:
    """Time networks of the space in turns: a batch of `INPUT`, one thread, channels last.

    Args:
        networks: of the space, each once.
        rounds: how often each is timed; as `latency.compare`.
        options: of `latency.compare`.
    """
    calls = {
        space.name(one): latency.call(network.build(one), INPUT, channels_last=True)
        for one in networks
    }
    return latency.compare(calls, rounds=rounds, **options)


def timed(networks: Sequence[space.Architecture], keep: Path) -> tuple[pd.DataFrame, dict]:
    """Time many networks, some at a time, with two that stand in every comparison.

    The machine is not equally quick all the time. Each comparison is scaled so that the first
    common network takes as long as in the median comparison; how much the second one then still
    varies is the noise that is left.

    Args:
        networks: the first and the last are the common ones.
        keep: folder of finished comparisons, from which an interrupted run goes on; for one
            machine.

    Returns:
        Columns ``latency``, ``low`` and ``high`` in seconds by network; and how many
        comparisons there were, which were disturbed, and by how much the common networks'
        times varied between them (standard deviations of logarithms): the first one's before
        the scaling, the second one's after it.

    Raises:
        SearchError: the folder keeps comparisons of other networks.
    """
    keep.mkdir(parents=True, exist_ok=True)
    scale, judge, *others = networks[0], networks[-1], *networks[1:-1]
    random.Random(0).shuffle(others)
    groups = [others[at : at + TOGETHER] for at in range(0, len(others), TOGETHER)]
    found = [
        _kept(keep / f"{place}.json", [scale, judge, *group])
        for place, group in enumerate(tqdm(groups, unit="comparison"))
    ]
    frames = [pd.DataFrame.from_dict(one["times"], orient="index") for one in found]
    same = np.array([frame.loc[space.name(scale), "latency"] for frame in frames])
    scaled = [frame * np.median(same) / own for frame, own in zip(frames, same, strict=True)]
    left = np.array([frame.loc[space.name(judge), "latency"] for frame in scaled])
    times = pd.concat(scaled).rename_axis("network").groupby(level=0).median()
    varied = {
        "comparisons": len(found),
        "disturbed": [words for one in found for words in one["disturbances"]],
        "common_networks": [space.name(scale), space.name(judge)],
        "log_sd_before_scaling": _log_sd(same),
        "log_sd_left": _log_sd(left),
    }
    return times, varied


def _log_sd(values: NDArray[np.float64]) -> float | None:
    return float(np.std(np.log(values), ddof=1)) if len(values) > 1 else None


def _times(networks: list[space.Architecture]) -> dict[str, Any]:
    run = compared(networks, budget=600.0)
    rows = {name: run.time(name) for name in run.times}
    return {
        "times": {n: {"latency": t.value, "low": t.low, "high": t.high} for n, t in rows.items()},
        "disturbances": list(run.disturbances),
    }


def _kept(file: Path, networks: list[space.Architecture]) -> dict[str, Any]:
    if file.exists():
        made = json.loads(file.read_text(encoding="utf-8"))
        if set(made["times"]) != {space.name(one) for one in networks}:
            raise SearchError(f"{file} compares other networks: empty the folder, or give another")
        return made
    made = _times(networks)
    store.write(file, json.dumps(made))
    return made
