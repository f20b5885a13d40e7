"""``python -m benchmarks.search_space``: train and time every network of the search space."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import click
import pandas as pd

from lwsurvey import paths, provenance
from lwsurvey.search import costs, space, table
from lwsurvey.search.trained import BATCH, EPOCHS, IMAGES, trained

FOLDER = click.Path(file_okay=False, path_type=Path)
STATE = "_build/search-table"
SEEDS = 3


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
    runs = pd.concat(trained(every, [seed], jobs=jobs, keep=state) for seed in range(seeds))
    times, varied = costs.timed(every, state / "times")
    networks = costs.counted(every).join(times)
    out = out or paths.root() / "data" / table.FOLDER
    write(out, networks, runs, varied)
    click.echo(f"{len(networks)} networks, {len(runs)} trainings in {out}", err=True)


def write(out: Path, networks: pd.DataFrame, runs: pd.DataFrame, varied: dict) -> None:
    """Write the table's files, and their checksums last; other files of the folder stay.

    Args:
        out: the folder, made if it is not there.
        networks: as `table.Table.networks`.
        runs: as `trained` gives them.
        varied: as `costs.timed` gives it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part.", dir=out) as part:
        _written(Path(part), networks, runs, varied)
        for name in (table.NETWORKS, table.RUNS, table.MADE, table.SUMS):
            os.replace(Path(part) / name, out / name)


def _written(part: Path, networks: pd.DataFrame, runs: pd.DataFrame, varied: dict) -> None:
    networks.to_csv(part / table.NETWORKS, float_format="%.6g", lineterminator="\n")
    shown = runs.drop(columns="seconds").sort_values(["network", "seed"])
    shown.to_csv(part / table.RUNS, index=False, float_format="%.6g", lineterminator="\n")
    (part / table.MADE).write_text(json.dumps(_made(runs, varied), indent=2) + "\n", "utf-8")
    (part / table.SUMS).write_text(table.digests(part), "utf-8")


def _made(runs: pd.DataFrame, varied: dict) -> dict[str, object]:
    return provenance.provenance() | {
        "command": "python -m benchmarks.search_space",
        "training": {
            **IMAGES, "epochs": EPOCHS, "batch": BATCH, "seeds": int(runs["seed"].nunique()),
            "seconds": round(float(runs["seconds"].sum())),
        },
        "latency": {"shape": list(costs.INPUT), "threads": 1, "rounds": costs.ROUNDS, **varied},
    }  # fmt: skip


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.search_space")
