"""``python -m benchmarks.precision``: whether mixed precision changes a chapter's verdicts."""

from __future__ import annotations

import dataclasses
import itertools
import time
from pathlib import Path
from typing import Any

import click

from benchmarks.recipe import FILE, write
from lwsurvey import paths
from lwsurvey.claims.ledger import ledger
from lwsurvey.press.results import notebooks
from lwsurvey.press.run import accelerator, tasks
from lwsurvey.press.run.tasks import WORK, Task
from lwsurvey.press.run.workers import Workers
from lwsurvey.press.sources import chapters
from lwsurvey.provenance import provenance

SHOWN = 1.0
"""Seconds from which on a cell is worth a line."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("chapter")
@click.option("--preset", default="cpu", show_default=True)
@click.option(
    "-p",
    "overrides",
    metavar="NAME VALUE",
    type=(str, str),
    multiple=True,
    help="Override a parameter; may be repeated.",
)
@click.option("--out", type=FILE, help="Where to write; data/benchmarks by default.")
def main(
    chapter: str, preset: str, overrides: tuple[tuple[str, str], ...], out: Path | None
) -> None:  # fmt: skip
    """Run a chapter without and with mixed precision in training, and compare the verdicts.

    Both runs have the same seeds, initial weights and order of images. Nothing else should run
    on the machine. The executed notebooks stay in _build/runs/precision.
    """
    try:
        planned = [_planned(chapter, preset, dict(overrides), amp) for amp in (False, True)]
    except (chapters.ChapterError, accelerator.AcceleratorError) as error:
        raise click.ClickException(str(error)) from None
    runs = [_run(task) for task in planned]
    found = report(planned[0], *runs)
    device = str(planned[0].used["device"]).replace(":", "-")
    name = f"precision-{chapter}-{device}.json"
    write(out or paths.root() / "data" / "benchmarks" / name, found)
    for row in found["claims"]:
        if row["off"] != row["on"]:
            click.echo(f"{row['id']}: {row['off']} -> {row['on']}{' (a time)' * row['time']}")
    click.echo(f"verdicts that change: {found['changed']} of {len(found['claims'])}")
    for cell, (off, on) in found["seconds"].items():
        click.echo(f"{cell}: {off:.1f} s -> {on:.1f} s")


def _planned(slug: str, preset: str, overrides: dict[str, str], amp: bool) -> Task:
    (chapter,) = chapters.select(chapters.discover(), (slug,))
    (task,) = tasks.prepare([chapter], preset, overrides | {"amp": str(amp)}, force=True)
    task = dataclasses.replace(task, name=f"precision/{preset}-amp-{'on' if amp else 'off'}")
    return accelerator.assign_devices([task])[0]


def _run(task: Task) -> tuple[list[notebooks.Record], dict[str, float]]:
    """Records of a run, and the seconds of each cell."""
    (task.folder / WORK).mkdir(parents=True, exist_ok=True)
    starts: list[tuple[str, float]] = []
    log = task.log
    outcome = Workers().execute(
        task.job(), log, lambda place: starts.append((place["id"], time.monotonic()))
    )
    if outcome.seconds is None:
        raise click.ClickException(f"{task.name}: {outcome.reason} (log: {log})")
    starts.append(("", time.monotonic()))
    spent = {name: after - at for (name, at), (_, after) in itertools.pairwise(starts)}
    return notebooks.read_records(task.folder / f"{task.slug}.ipynb"), spent


def report(task: Task, off: tuple, on: tuple) -> dict[str, Any]:
    """Verdicts and seconds side by side, and where they were found, as plain JSON values."""
    claims = [_row(*pair) for pair in zip(off[0], on[0], strict=True)]
    # Not of the cell with the parameters, whose id is new each time.
    pairs = {name: (off[1][name], on[1][name]) for name in off[1] if name in on[1]}
    seconds = {name: both for name, both in pairs.items() if max(both) >= SHOWN}
    return {
        **provenance(),
        "chapter": task.slug,
        "preset": task.preset,
        "parameters": {name: value for name, value in task.used.items() if name != "amp"},
        "claims": claims,
        # Two runs time differently in any case.
        "changed": sum(row["off"] != row["on"] and not row["time"] for row in claims),
        "seconds": {name: [round(s, 2) for s in both] for name, both in seconds.items()},
        "command": f"python -m benchmarks.precision {task.slug} --preset {task.preset}",
    }


def _row(off: notebooks.Record, on: notebooks.Record) -> dict[str, Any]:
    return {
        "id": off.id,
        "time": bool(ledger()[off.id].hardware),
        "off": off.verdict,
        "on": on.verdict,
        "measured": [off.measured, on.measured],
    }


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.precision")
