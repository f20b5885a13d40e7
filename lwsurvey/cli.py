"""The command line. What is slow to load is loaded by the command that needs it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

import lwsurvey
from lwsurvey.press.commands import compare, course, new, profile, record
from lwsurvey.press.commands.shared import command, formats
from lwsurvey.press.sources.chapters import PUBLISHED
from lwsurvey.schema import SCHEDULER

if TYPE_CHECKING:
    from lwsurvey.press.commands import listing

PRESET_HELP = "smoke, cpu, gpu, or any other of notebooks/presets.yml."


class Commands(click.Group):
    """The commands in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the source."""
        return list(self.commands)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(lwsurvey.__version__, prog_name="lwsurvey")
def main() -> None:
    """Lightweight Networks, Reproduced: run its chapters and make the book.

    \b
    Examples:
      lwsurvey list                              what there is, and what is up to date
      lwsurvey run relu-collapse                 one chapter
      lwsurvey run conv-cost --preset smoke      the same in seconds, for a look
      lwsurvey build                             all chapters and the site
      lwsurvey compare conv-cost                 what you found, beside the published edition
      lwsurvey record                            keep your results, to be compared and sent
      lwsurvey ledger --verdict erratum          what the surveys get wrong
      lwsurvey profile mobilenet_v2              what a network costs, stage by stage
      lwsurvey assign conv-cost --out course     an assignment for nbgrader
      lwsurvey grade course                      marks for what was handed in
      lwsurvey new densenet                      a chapter to write, in the right shape

    A chapter runs again only if its notebook, parameters, imported modules, claims, data or
    requirements.lock changed.
    """


@main.command("list")
@click.option("--preset", default=PUBLISHED, show_default=True, help=PRESET_HELP)
@command
def list_(preset: str) -> None:
    """Show the chapters, their presets, and whether their results are fresh."""
    from lwsurvey.durations import duration
    from lwsurvey.press.results.notebooks import runs_folder
    from lwsurvey.press.run import accelerator, freshness
    from lwsurvey.press.sources import chapters

    found = chapters.discover()
    width = max((len(chapter.slug) for chapter in found), default=0)
    for chapter in found:
        state = freshness.assess(chapter, preset, chapter.resolve(preset), runs_folder(preset))
        last = f" (last run {duration(state.seconds)})" if state.seconds else ""
        alone = ", runs alone" if chapter.alone else ""
        gpu = "can use a GPU" if accelerator.can_take(chapter) else "needs no GPU"
        click.echo(f"{chapter.slug:{width}}  {chapter.title}")
        click.echo(f"{'':{width}}  presets {', '.join(chapter.presets)}{alone}, {gpu}")
        click.echo(f"{'':{width}}  {preset}: {_freshness(state)}{last}")


def _freshness(state: object) -> str:
    return "fresh" if state.fresh else f"to run: {state.why}"


def _overrides(_: object, __: object, pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise click.BadParameter(f"given more than once: {', '.join(twice)}")
    return dict(pairs)


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


@main.command()
@click.argument("slugs", metavar="[CHAPTER]...", nargs=-1)
@click.option("--preset", default=PUBLISHED, show_default=True, help=PRESET_HELP)
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
def run(
    slugs: tuple[str, ...], preset: str, overrides: dict[str, str], jobs: int, gpu_jobs: int,
    force: bool, scheduler: str | None,
) -> None:  # fmt: skip
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
    from lwsurvey.press.run import session

    how = dict(jobs=jobs, force=force, gpu_jobs=gpu_jobs, scheduler=scheduler)
    session.run(slugs, preset, overrides, **how)


@main.command()
@click.option("--preset", default=PUBLISHED, show_default=True, help=PRESET_HELP)
@_jobs
@_gpu_jobs
@_scheduler
@_force
@command
def build(preset: str, jobs: int, gpu_jobs: int, force: bool, scheduler: str | None) -> None:
    """Run all chapters whose inputs changed, and build the site in _build/html.

    It fails if a chapter fails, if a verdict of the published preset differs from the one in
    data/claims.csv, or if the site is not complete. A verdict on a time may differ on other
    hardware, and a reduced experiment may become inconclusive: that is only reported.

    \b
    Examples:
      lwsurvey build
      lwsurvey build --preset smoke    a quick look; its verdicts are not compared
    """
    from lwsurvey.press.commands import listing
    from lwsurvey.press.run import session
    from lwsurvey.press.site import site
    from lwsurvey.press.sources import chapters

    how = dict(jobs=jobs, force=force, gpu_jobs=gpu_jobs, scheduler=scheduler)
    session.run((), preset, {}, **how)
    try:
        folder = site.build(preset)
    except site.SiteError as error:
        raise click.ClickException(str(error)) from None
    if preset == PUBLISHED:
        _report_departures(listing.read(chapters.discover()))
    click.echo(f"The site is in {folder}; open {folder / 'index.html'}")


@main.command()
@formats("How to print the claims.")
@click.option("--chapter", metavar="SLUG", help="Only the claims of this chapter.")
@click.option("--verdict", metavar="VERDICT", help="Only claims with this verdict.")
@command
def ledger(form: str, chapter: str | None, verdict: str | None) -> None:
    """Print every claim with the verdict of the last run of the published preset.

    Claims go to standard output, the summary to standard error.

    \b
    Examples:
      lwsurvey ledger --chapter conv-cost
      lwsurvey ledger --verdict "not examined yet"
      lwsurvey ledger --format csv > ledger.csv

    Exit status: 1 if a verdict differs from the one in data/claims.csv.
    """
    from lwsurvey.claims.ledger import LedgerError
    from lwsurvey.press.commands import listing
    from lwsurvey.press.results import notebooks
    from lwsurvey.press.sources import chapters

    try:
        book = listing.read(chapters.discover())
        rows = listing.choose(book.rows, chapter, verdict)
    except listing.ListingError as error:
        raise click.UsageError(str(error)) from None
    except (LedgerError, notebooks.ResultError) as error:
        raise click.ClickException(str(error)) from None
    # As bytes, because a file or a pipe must not depend on the encoding of a terminal.
    click.echo(listing.FORMATS[form](rows).encode(), nl=False)
    click.echo(listing.summary(rows), err=True)
    for line in book.remarks:
        click.echo(line, err=True)
    _report_departures(book)
    if book.differences:
        click.echo("The run and data/claims.csv disagree:", err=True)
        click.echo("\n".join(f"  {line}" for line in book.differences), err=True)
        sys.exit(1)


def _report_departures(book: listing.Book) -> None:
    if book.departures:
        click.echo("Verdicts that hardware or load can change, and changed here:", err=True)
        click.echo("\n".join(f"  {line}" for line in book.departures), err=True)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@command
def serve(port: int) -> None:
    """Serve the built site on this machine, until Ctrl-C.

    \b
    Example:
      lwsurvey serve --port 8080
    """
    from lwsurvey.press.site import serve as server
    from lwsurvey.press.site.site import SiteError

    try:
        server.serve(port)
    except SiteError as error:
        raise click.ClickException(str(error)) from None


_added = (
    compare.compare, record.record, profile.profile, serve, course.assign, course.grade, new.new,
)  # fmt: skip
for _command in _added:
    main.add_command(_command)
