"""``python -m benchmarks.sweep``: count every network of timm and torchvision."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

from benchmarks.sweep import tables
from lwsurvey import paths
from lwsurvey.models import sweep
from lwsurvey.store import Records

if TYPE_CHECKING:  # its import takes seconds, which `--help` does without
    from benchmarks.sweep.measure import Job

STATE = "_build/sweep"
FOLDER = click.Path(file_okay=False, path_type=Path)


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
@click.option("--state", type=FOLDER, help=f"Folder of finished rows; {STATE} if not given.")
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
    current, start = tables.key(), time.monotonic()
    kept = Records((state or paths.root() / STATE) / current)  # other versions have other folders
    if fresh:
        kept.remove("*")
    counted = _count(wanted, kept, jobs, timeout)
    if tables.key() != current:
        raise click.ClickException(
            "the code, a library or data/published has changed while the sweep ran, so that its"
            " rows do not belong together; start it again"
        )
    rows = [kept.get(_name(job)) for job in wanted]
    tables.write(out, rows, {
        "wall_seconds": round(time.monotonic() - start),
        "counted_in_this_run": counted,
        "network_seconds": round(sum(row.get("seconds", 0) for row in rows)),
    })  # fmt: skip
    click.echo(f"{len(wanted)} networks in {out / 'models.csv'}", err=True)


def _wanted(library: str, pattern: str) -> list[Job]:
    from benchmarks.sweep import networks

    libraries = networks.LIBRARIES if library == "all" else (library,)
    wanted = [(each, name) for each in libraries for name in networks.names(each, pattern)]
    if not wanted:
        raise click.UsageError(f"no network of {' or '.join(libraries)} is named like {pattern!r}")
    return wanted


def _name(job: Job) -> str:
    return "-".join(job)


def _count(wanted: list[Job], kept: Records, processes: int, timeout: float) -> int:
    """Count what is not there yet, and once more what has failed; how many that is."""
    from benchmarks.sweep.measure import measure, measure_all

    jobs = [job for job in wanted if "error" in (kept.get(_name(job)) or {"error": "not there"})]
    done = len(wanted) - len(jobs)
    if done:
        click.echo(f"{done} networks are there from before", err=True)
    often = 0.5 if sys.stderr.isatty() else 15.0  # seconds between two lines
    bar = tqdm(total=len(wanted), initial=done, unit="network", mininterval=often)
    failed = 0
    try:
        for row in measure_all(jobs, processes, timeout, measure):
            kept.put(_name((row["library"], row["name"])), row)
            failed += "error" in row
            bar.set_postfix(failed=failed, refresh=False)
            bar.update()
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command goes on from here") from None
    finally:
        bar.close()
    return len(jobs)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.sweep")
