"""``python -m benchmarks.sweep``: count every network of timm and torchvision."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from benchmarks.sweep import table
from benchmarks.sweep.state import State, key
from benchmarks.sweep.workers import Job, measured
from lwsurvey import paths
from lwsurvey.chapters.network_cost import sweep

STATE = "_build/sweep/rows.jsonl"
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--library",
    type=click.Choice(["timm", "torchvision", "all"]),
    default="all",
    help="Whose networks are counted; all if not given.",
)
@click.option("--models", "pattern", default="*", help="Only names like this, such as 'resnet*'.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, help="Processes; 1 if not given.")
@click.option("--out", type=FOLDER, help="Folder of the table; data/sweep if all are counted.")
@click.option("--fresh", is_flag=True, help="Count again what an earlier sweep has counted.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=600.0,
    help="Seconds for one network; 600 if not given.",
)
@click.option("--state", type=FILE, help=f"File of finished rows; {STATE} if not given.")
def main(
    library: str,
    pattern: str,
    jobs: int,
    out: Path | None,
    fresh: bool,
    timeout: float,
    state: Path | None,
) -> None:
    """Count every network of timm and torchvision, and compare with what others count.

    Each network is made without weights on the meta device and counted on its default input:
    MACs, parameters, activations, memory access; the same pass by PyTorch's own counter; and
    the figures that its library publishes. The table says why, where two of them differ.

    A sweep that is stopped, in whatever way, goes on where it was when it is started again.

    \b
    Examples:
      python -m benchmarks.sweep --jobs 2                       all of them, into data/sweep
      python -m benchmarks.sweep --models 'vit*' --out vits     some, into another folder
    """
    if out is None and (library != "all" or pattern != "*"):
        raise click.UsageError("some networks do not replace the table of all: add --out FOLDER")
    os.environ["OMP_NUM_THREADS"] = "1"  # of each process that this one starts
    wanted = _wanted(library, pattern)
    out = out or paths.root() / "data" / sweep.FOLDER
    current, start = key(), time.monotonic()
    kept = State(state or paths.root() / STATE, current)
    if fresh:
        kept.clear()
    counted = _count(wanted, kept, jobs, timeout)
    if key() != current:
        raise click.ClickException(
            "the code, a library or data/published has changed while the sweep ran, so that its"
            " rows do not belong together; start it again"
        )
    rows = kept.rows()
    table.write(out, (rows[job] for job in wanted), {
        "wall_seconds": round(time.monotonic() - start),
        "counted_in_this_run": counted,
        "network_seconds": round(sum(rows[job]["seconds"] for job in wanted)),
    })  # fmt: skip
    click.echo(f"{len(wanted)} networks in {out / 'models.csv'}", err=True)


def _wanted(library: str, pattern: str) -> list[Job]:
    from benchmarks.sweep import networks

    libraries = networks.LIBRARIES if library == "all" else (library,)
    wanted = [(each, name) for each in libraries for name in networks.names(each, pattern)]
    if not wanted:
        raise click.UsageError(f"no network of {' or '.join(libraries)} is named like {pattern!r}")
    return wanted


def _count(wanted: list[Job], kept: State, processes: int, timeout: float) -> int:
    """Count what is not there yet; how many that is."""
    from benchmarks.sweep.measure import measure
    from benchmarks.sweep.progress import Progress

    there = {job for job, row in kept.rows().items() if not row.get("error")}  # others once more
    jobs = [job for job in wanted if job not in there]
    done = len(wanted) - len(jobs)
    if done:
        click.echo(f"{done} networks are there from before", err=True)
    progress = Progress(jobs, _expected(), done)
    try:
        for row in measured(jobs, measure, processes, timeout):
            kept.add(row)
            progress.done((row["library"], row["name"]), bool(row.get("error")))
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command goes on from here") from None
    return len(jobs)


def _expected() -> dict[Job, float]:
    try:
        before = sweep.models()
    except FileNotFoundError:
        return {}
    return {(row.library, row.name): row.seconds for row in before.itertuples()}


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.sweep")
