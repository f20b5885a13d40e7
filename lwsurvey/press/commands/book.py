"""``lwsurvey list``, ``run``, ``build``, ``serve`` and ``new``: from chapters to the site."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lwsurvey import paths
from lwsurvey.durations import duration
from lwsurvey.press.commands import ledger
from lwsurvey.press.commands.shared import command
from lwsurvey.press.results.notebooks import runs_folder
from lwsurvey.press.sources import chapters
from lwsurvey.press.sources.chapters import PUBLISHED
from lwsurvey.schema import SCHEDULER

if TYPE_CHECKING:
    from lwsurvey.press.run.tasks import Outcome, Task

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


def _overrides(_: object, __: object, pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise click.BadParameter(f"given more than once: {', '.join(twice)}")
    return dict(pairs)


_preset = click.option(
    "--preset",
    default=PUBLISHED,
    show_default=True,
    help="smoke, cpu, gpu, or any other of notebooks/presets.yml.",
)
_jobs = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Chapters at a time; those that time something run alone after them, except in smoke.",
)
_gpu_jobs = click.option(
    "--gpu-jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Chapters at a time on the GPU, those of other runs on this machine included.",
)
_scheduler = click.option(
    "--scheduler",
    metavar="ADDRESS",
    envvar=SCHEDULER,
    help="A Dask scheduler, as tcp://HOST:8786, whose workers have the same checkout and versions: "
    "they run the chapters and their seeds. Chapters that time something run here, and only their "
    "seeds there; those that take a GPU run here altogether. "
    f"[env: {SCHEDULER}]",
)
_force = click.option("--force", is_flag=True, help="Run also what is fresh.")


@click.command("list")
@_preset
@command
def list_(preset: str) -> None:
    """Show the chapters, their presets, and whether their results are fresh."""
    from lwsurvey.press.run import accelerator, freshness

    found = chapters.discover()
    width = max((len(chapter.slug) for chapter in found), default=0)
    for chapter in found:
        last = freshness.assess(chapter, preset, chapter.resolve(preset), runs_folder(preset))
        why = "fresh" if last.fresh else f"to run: {last.why}"
        seconds = f" (last run {duration(last.seconds)})" if last.seconds else ""
        alone = ", runs alone" if chapter.alone else ""
        gpu = "can use a GPU" if accelerator.can_take(chapter) else "needs no GPU"
        click.echo(f"{chapter.slug:{width}}  {chapter.title}")
        click.echo(f"{'':{width}}  presets {', '.join(chapter.presets)}{alone}, {gpu}")
        click.echo(f"{'':{width}}  {preset}: {why}{seconds}")


@click.command()
@click.argument("slugs", metavar="[CHAPTER]...", nargs=-1)
@_preset
@click.option(
    "-p",
    "overrides",
    metavar="NAME VALUE",
    type=(str, str),
    multiple=True,
    callback=_overrides,
    help="Override a parameter; may be repeated. The result goes to _build/runs/PRESET+custom.",
)
@_jobs
@_gpu_jobs
@_scheduler
@_force
@command
def run(slugs: tuple[str, ...], preset: str, overrides: dict[str, str], **options: object) -> None:
    """Run chapters; all of them if none is named.

    Results are executed notebooks in _build/runs/PRESET. The run can be interrupted at any
    moment: finished chapters stay, and the same command goes on with the others.

    The preset gpu needs a GPU that PyTorch can use (CUDA, or Apple's) for the chapters that
    "lwsurvey list" says can use one. If its memory runs out, the chapter is run once more with
    half the batch, which its result records.

    \b
    Examples:
      lwsurvey run                               all chapters, as the book publishes them
      lwsurvey run conv-cost relu-collapse       two of them
      lwsurvey run mobilenet-v2 --preset gpu     on all images, on a GPU
      lwsurvey run relu-collapse -p matrices 50  with a parameter of your own

    Exit status: 0 if all chapters have a result, 1 if one failed, 2 if the command is wrong,
    130 if it was interrupted.
    """
    run_chapters(slugs, preset, overrides, **options)


def run_chapters(
    slugs: tuple[str, ...], preset: str, overrides: dict[str, str], *, jobs: int,
    gpu_jobs: int = 1, force: bool = False, scheduler: str | None = None,
) -> None:  # fmt: skip
    """Run chapters and say what became of them.

    Args:
        slugs: chapters; none means all.
        preset: name of a preset.
        overrides: parameters by name, as typed.
        jobs: chapters at a time.
        gpu_jobs: chapters at a time on a GPU.
        force: run also what is fresh.
        scheduler: address of a Dask scheduler.

    Raises:
        ChapterError: a name or a value is wrong; nothing has been started.
        ClusterError: the cluster cannot be used; nothing has been started.
        ClickException: a chapter needs a GPU that is not there; nothing has been started.
        SystemExit: 1 if a chapter failed, 130 if the user interrupted the run.
    """
    from lwsurvey.press.run import accelerator, schedule, tasks

    selected = chapters.select(chapters.discover(), slugs)
    prepared = tasks.prepare(selected, preset, overrides, force)
    try:
        prepared = accelerator.assign_devices(prepared)
    except accelerator.AcceleratorError as error:
        raise click.ClickException(str(error)) from None
    _announce(prepared, accelerator.announcement(prepared))
    try:
        outcomes = schedule.run(prepared, jobs, gpu_jobs, scheduler)
    except KeyboardInterrupt:
        click.echo("Interrupted. Finished chapters stay; the same command goes on.", err=True)
        sys.exit(INTERRUPTED)
    _conclude(prepared, outcomes)


def _announce(tasks: list[Task], devices: list[str]) -> None:
    """Say which results are taken as they are, and why the others are not."""
    if fresh := [task.slug for task in tasks if task.fresh]:
        click.echo(f"fresh: {', '.join(fresh)}", err=True)
    for task in tasks:
        if not task.fresh:
            click.echo(f"{task.slug}: to run ({task.freshness.why})", err=True)
    for line in devices:
        click.echo(line, err=True)


def _conclude(tasks: list[Task], outcomes: dict[str, Outcome]) -> None:
    failed = [slug for slug, outcome in outcomes.items() if outcome.seconds is None]
    if failed:
        names = ", ".join(failed)
        click.echo(f"{len(failed)} of {len(tasks)} chapters failed: {names}", err=True)
        sys.exit(1)
    where = f"_build/runs/{tasks[0].name}" if tasks else "there is no chapter yet"
    fresh = len(tasks) - len(outcomes)
    click.echo(f"chapters run: {len(outcomes)}, fresh: {fresh}; results: {where}")


@click.command()
@_preset
@_jobs
@_gpu_jobs
@_scheduler
@_force
@command
def build(preset: str, **options: object) -> None:
    """Run all chapters whose inputs changed, and build the site in _build/html.

    It fails if a chapter fails, if a verdict of the published preset differs from the one in
    data/claims.csv, or if the site is not complete. A verdict on a time may differ on other
    hardware, and a reduced experiment may become inconclusive: that is only reported.

    \b
    Examples:
      lwsurvey build
      lwsurvey build --preset smoke    a quick look; its verdicts are not compared
    """
    from lwsurvey.press.site import build as site

    run_chapters((), preset, {}, **options)
    try:
        folder = site.build(preset)
    except site.SiteError as error:
        raise click.ClickException(str(error)) from None
    if preset == PUBLISHED:
        ledger.report_departures(ledger.read(chapters.discover()))
    click.echo(f"The site is in {folder}; open {folder / 'index.html'}")


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@command
def serve(port: int) -> None:
    """Serve the built site on this machine, until Ctrl-C.

    \b
    Example:
      lwsurvey serve --port 8080
    """
    from lwsurvey.press.site import build as site

    try:
        site.serve(port)
    except site.SiteError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.argument("slug", metavar="CHAPTER")
@command
def new(slug: str) -> None:
    """Begin a chapter that book/plan.yml has: notebook, presets, package, answers, tests.

    The new chapter builds and runs in smoke as it is. What a person has to write is marked TODO,
    and the tests name what is left of it. Nothing is written if the chapter has been begun.

    \b
    Examples:
      lwsurvey new densenet
    """
    from lwsurvey.claims.ledger import LedgerError
    from lwsurvey.press.sources import mould

    root = paths.root()
    try:
        written = mould.create(root, slug)
    except LedgerError as error:
        raise click.ClickException(str(error)) from None
    for path in written:
        click.echo(path.relative_to(root))
    click.echo(f"\nnow: lwsurvey run {slug} --preset smoke, and replace what is marked TODO")
