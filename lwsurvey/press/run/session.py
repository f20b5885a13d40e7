"""A run from the command line: what it announces, and how it ends."""

from __future__ import annotations

import sys

import click

from lwsurvey.press.run import accelerator, tasks
from lwsurvey.press.run import run as runner
from lwsurvey.press.run.process import Outcome
from lwsurvey.press.run.tasks import Task
from lwsurvey.press.sources import chapters

INTERRUPTED = 130


def run(
    slugs: tuple[str, ...], preset: str, overrides: dict[str, str], *, jobs: int, force: bool,
    gpu_jobs: int = 1, scheduler: str | None = None,
) -> None:  # fmt: skip
    """Run chapters and say what became of them.

    Args:
        slugs: chapters; none means all.
        preset: name of a preset.
        overrides: parameters by name, as typed.
        jobs: chapters at a time.
        force: run also what is fresh.
        gpu_jobs: chapters at a time on a GPU.
        scheduler: address of a Dask scheduler.

    Raises:
        ChapterError: a name or a value is wrong; nothing has been started.
        ClusterError: the cluster cannot be used; nothing has been started.
        ClickException: a chapter needs a GPU that is not there; nothing has been started.
        SystemExit: 1 if a chapter failed, 130 if the user interrupted the run.
    """
    selected = chapters.select(chapters.discover(), slugs)
    planned = tasks.prepare(selected, preset, overrides, force)
    try:
        planned = accelerator.ready(planned)
    except accelerator.AcceleratorError as error:
        raise click.ClickException(str(error)) from None
    _announce(planned)
    try:
        outcomes = runner.execute(planned, jobs, gpu_jobs, scheduler)
    except KeyboardInterrupt:
        click.echo("Interrupted. Finished chapters stay; the same command goes on.", err=True)
        sys.exit(INTERRUPTED)
    _conclude(planned, outcomes)


def _announce(planned: list[Task]) -> None:
    """Say which results are taken as they are, and why the others are not."""
    if fresh := [task.slug for task in planned if task.state.fresh]:
        click.echo(f"fresh: {', '.join(fresh)}", err=True)
    for task in planned:
        if not task.state.fresh:
            click.echo(f"{task.slug}: to run ({task.state.why})", err=True)
    for line in accelerator.announcement(planned):
        click.echo(line, err=True)


def _conclude(planned: list[Task], outcomes: dict[str, Outcome]) -> None:
    failed = [slug for slug, outcome in outcomes.items() if outcome.seconds is None]
    if failed:
        names = ", ".join(failed)
        click.echo(f"{len(failed)} of {len(planned)} chapters failed: {names}", err=True)
        sys.exit(1)
    where = f"_build/runs/{planned[0].name}" if planned else "there is no chapter yet"
    fresh = len(planned) - len(outcomes)
    click.echo(f"chapters run: {len(outcomes)}, fresh: {fresh}; results: {where}")
