"""``python -m benchmarks.search_space``: train and time every network of the search space."""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from lwsurvey import cost, paths, provenance, train
from lwsurvey.search import SearchError, network, space, table
from lwsurvey.store import Records

FOLDER = click.Path(file_okay=False, path_type=Path)
STATE = "_build/search-table"
SEEDS = 3

TOGETHER = 48
"""Networks that one comparison times in turns, besides the two that stand in all of them."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, help="Networks at a time; 1.")
@click.option("--seeds", type=click.IntRange(1), default=SEEDS, help=f"Of each network; {SEEDS}.")
@click.option("--state", type=FOLDER, help=f"Finished runs; {STATE} if not given.")
@click.option("--out", type=FOLDER, help="Folder of the table; data/search if not given.")
def main(jobs: int, seeds: int, state: Path | None, out: Path | None) -> None:
    """Train every network of the search space with every seed, count it, and time it.

    The times are taken last, one network at a time, and want a machine with nothing else to
    do. A run that is stopped, in whatever way, goes on where it was.

    \b
    Example:
      python -m benchmarks.search_space --jobs 2        about 45 minutes on two cores
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # of each process that this one starts
    state = state or paths.root() / STATE
    every = space.architectures()
    how = dict(jobs=jobs, recorded=train.kept(state / "trained.csv"))
    runs = pd.concat(network.fit(every, [seed], **how) for seed in range(seeds))
    times, variation = measure(every, state / "times")
    networks = count(every).join(times)
    out = out or paths.root() / "data" / table.FOLDER
    write(out, networks, runs, variation)
    click.echo(f"{len(networks)} networks, {len(runs)} trainings in {out}", err=True)


def count(networks: Iterable[space.Architecture]) -> pd.DataFrame:
    """``macs`` and ``parameters`` of each network for one image, by its short name."""
    rows = {}
    for one in networks:
        total = cost.count(network.build(one), (1, *network.INPUT[1:]))
        rows[space.name(one)] = {"macs": total.macs, "parameters": total.parameters}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def measure(networks: Sequence[space.Architecture], keep: Path) -> tuple[pd.DataFrame, dict]:
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
        SearchError: the folder keeps comparisons of other networks, or cannot be used.
    """
    names = [space.name(one) for one in networks]
    records = Records(keep, {"networks": names, "together": TOGETHER}, error=SearchError)
    scale, judge, *others = networks[0], networks[-1], *networks[1:-1]
    random.Random(0).shuffle(others)
    groups = [others[at : at + TOGETHER] for at in range(0, len(others), TOGETHER)]
    comparisons = []
    for place, group in enumerate(tqdm(groups, unit="comparison")):
        if (found := records.get(str(place))) is None:
            records.put(str(place), found := _time([scale, judge, *group]))
        comparisons.append(found)
    frames = [pd.DataFrame.from_dict(one["times"], orient="index") for one in comparisons]
    same = np.array([frame.loc[names[0], "latency"] for frame in frames])
    scaled = [frame * np.median(same) / own for frame, own in zip(frames, same, strict=True)]
    left = np.array([frame.loc[names[-1], "latency"] for frame in scaled])
    times = pd.concat(scaled).rename_axis("network").groupby(level=0).median()
    return times, {
        "comparisons": len(comparisons),
        "disturbed": [words for one in comparisons for words in one["disturbances"]],
        "common_networks": [names[0], names[-1]],
        "log_sd_before_scaling": _log_sd(same),
        "log_sd_left": _log_sd(left),
    }


def _log_sd(values: NDArray[np.float64]) -> float | None:
    return float(np.std(np.log(values), ddof=1)) if len(values) > 1 else None


def _time(networks: list[space.Architecture]) -> dict[str, Any]:
    run = network.compare(networks, budget=600.0)
    rows = {name: run.time(name) for name in run.times}
    return {
        "times": {n: {"latency": t.value, "low": t.low, "high": t.high} for n, t in rows.items()},
        "disturbances": list(run.disturbances),
    }


def write(out: Path, networks: pd.DataFrame, runs: pd.DataFrame, variation: dict) -> None:
    """Write the table's files, and their checksums last; other files of the folder stay.

    Args:
        out: the folder, made if it is not there.
        networks: as `table.Table.networks`.
        runs: as `network.fit` gives them.
        variation: as `measure` gives it.
    """
    out.mkdir(parents=True, exist_ok=True)
    shown = runs.drop(columns="seconds").sort_values(["network", "seed"])
    style = dict(float_format="%.6g", lineterminator="\n")
    with tempfile.TemporaryDirectory(prefix=".part.", dir=out) as folder:
        part = Path(folder)
        networks.to_csv(part / table.NETWORKS, **style)
        shown.to_csv(part / table.RUNS, index=False, **style)
        (part / table.MADE).write_text(json.dumps(_made(runs, variation), indent=2) + "\n", "utf-8")
        (part / table.SUMS).write_text(table.digests(part), "utf-8")
        for name in (table.NETWORKS, table.RUNS, table.MADE, table.SUMS):
            os.replace(part / name, out / name)


def _made(runs: pd.DataFrame, variation: dict) -> dict[str, object]:
    return provenance.provenance() | {
        "command": "python -m benchmarks.search_space",
        "training": {
            **network.IMAGES, "epochs": network.EPOCHS, "batch": network.BATCH,
            "seeds": int(runs["seed"].nunique()), "seconds": round(float(runs["seconds"].sum())),
        },
        "latency": {"shape": list(network.INPUT), "threads": 1, "rounds": network.ROUNDS,
                    **variation},
    }  # fmt: skip


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.search_space")
