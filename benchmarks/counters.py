"""``python -m benchmarks.counters``: the book's counter beside others, on the same networks."""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import pandas as pd
import torch

from benchmarks import examine, summary, timing
from benchmarks.networks import NETWORKS
from benchmarks.tools import FLOOR, TOOLS, tidy
from lwsurvey import paths, store
from lwsurvey.provenance import provenance

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(timing.SELDOM["cpu"]), default=15, show_default=True)
@click.option("--networks", "names", help="Some of the networks, with commas between them.")
@click.option("--tools", "tools", help="Some of the tools, with commas between them.")
@click.option("--out", type=FOLDER, help="Folder of the tables; data/benchmarks if all are run.")
@click.option("--seed", default=0, show_default=True, help="Of the order of the calls.")
def main(rounds: int, names: str | None, tools: str | None, out: Path | None, seed: int) -> None:
    """Compare counters of MACs: time, totals, memory, failures and side effects.

    Writes counters.csv and counters.json and prints a summary. Nothing else should run on the
    machine meanwhile.
    """
    if out is None and (names or tools):
        raise click.UsageError("a run of only some does not replace data/benchmarks: add --out")
    chosen = _chosen(tools, tuple(TOOLS), "tool")
    wanted = _chosen(names, NETWORKS, "network")
    _check_installed(chosen)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    load, start = os.getloadavg(), time.monotonic()
    found = _examined([FLOOR.name, *chosen], wanted)
    samples = _timed(chosen, wanted, found, rounds, seed)
    about = _about(found, samples) | {
        "rounds": rounds, "seed": seed, "load_before": load, "load_after": os.getloadavg(),
        "wall_seconds": round(time.monotonic() - start),
        "command": f"python -m benchmarks.counters --rounds {rounds}",
    }  # fmt: skip
    table = summary.rows(samples, found)
    write(out or paths.root() / "data" / "benchmarks", table, about)
    click.echo(summary.markdown(table, about))


def _chosen(given: str | None, known: tuple[str, ...], what: str) -> list[str]:
    names = given.split(",") if given else list(known)
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"no {what} {', '.join(unknown)}; there are {', '.join(known)}")
    return list(dict.fromkeys(names))


def _check_installed(tools: list[str]) -> None:
    missing = []
    for package in sorted({TOOLS[tool].package for tool in tools}):
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        raise click.ClickException(
            f"not installed: {', '.join(missing)}; benchmarks/README.md says how to set them up"
        )


def _examined(tools: list[str], names: list[str]) -> dict[str, Any]:
    """Reports of all tools; nothing is timed, so that several processes may run at a time."""

    def one(tool: str) -> dict[str, Any]:
        found = examine.examined(tool, names)
        click.echo(f"examined {tool}", err=True)
        return found

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return dict(zip(tools, pool.map(one, tools), strict=True))


def _timed(
    tools: list[str], names: list[str], found: dict[str, Any], rounds: int, seed: int
) -> list[timing.Sample]:
    failing = {
        (tool, name)
        for tool, report_ in found.items()
        for name, row in report_["networks"].items()
        if "failure" in row
    }
    field = timing.contestants([TOOLS[tool] for tool in tools])
    start = time.monotonic()

    def progress(turn: int) -> None:
        seconds = time.monotonic() - start
        click.echo(f"round {turn} of {rounds} over after {seconds:.0f} s", err=True)

    return timing.measure(
        field, names, rounds, skip=failing, seed=seed, after=tidy, progress=progress
    )


def _about(found: dict[str, Any], samples: list[timing.Sample]) -> dict[str, Any]:
    effects = {
        tool: {key: report_[key] for key in ("after_success", "after_failure")}
        for tool, report_ in found.items()
        if tool in TOOLS
    }
    forward = found[FLOOR.name]["networks"]
    return {
        **provenance(),
        "threads": torch.get_num_threads(),
        "tools": {t: {"version": metadata.version(TOOLS[t].package), "layers": TOOLS[t].layers,
                      "devices": TOOLS[t].devices, "counted_on": TOOLS[t].counted_on}
                  for t in effects},
        "forward_process_bytes": {n: forward[n]["process_bytes"] for n in examine.LARGE
                                  if n in forward},
        "overall": summary.overall(samples),
        "effects": effects,
    }  # fmt: skip


def write(folder: Path, table: pd.DataFrame, about: dict[str, Any]) -> None:
    """Write ``counters.csv`` and ``counters.json``, each in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    store.write(folder / "counters.csv", rows)
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    store.write(folder / "counters.json", text)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.counters")
