"""``lwsurvey record``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwsurvey.press.commands.shared import command
from lwsurvey.press.sources.chapters import PUBLISHED

if TYPE_CHECKING:
    from lwsurvey.press.rerun.recorded import Recorded


@click.command()
@click.argument("slugs", metavar="[CHAPTER]...", nargs=-1)
@click.option(
    "--preset",
    default=PUBLISHED,
    show_default=True,
    help="Of the runs; cpu+custom or gpu+custom for those with parameters of your own.",
)
@click.option(
    "--name",
    metavar="NAME",
    help="Of the folder.  [default: after the processor or the GPU that computed]",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the folder is made.  [default: data/recorded]",
)
@click.option(
    "--publish", is_flag=True, help="Make this the published edition: all chapters, none named."
)
@command
def record(
    slugs: tuple[str, ...], preset: str, name: str | None, out: Path | None, publish: bool
) -> None:
    """Keep what runs found: verdicts, measurements, hardware and versions, as small files.

    Without CHAPTER, all that have a fresh result are recorded. A record goes to
    data/recorded/HARDWARE/CHAPTER.json; it replaces an earlier one of the same hardware, and
    holds no name of a machine, person or folder. The page "This edition" shows all of them, and
    others can compare theirs with them.

    \b
    Examples:
      lwsurvey record                            all fresh results of the preset cpu
      lwsurvey record latency --preset gpu       one chapter, as it ran on a GPU
      lwsurvey record --name my-laptop --out kept
      lwsurvey record conv-cost --preset cpu+custom --name more-seeds

    Nothing is written if anything is refused: a chapter that was never run or changed since, a
    smoke run, a damaged result. Exit status: 0 if it was recorded, 1 if not, 2 if the command
    is wrong.
    """
    from lwsurvey.press.rerun import recorded, recording

    place = out or recorded.folder()
    request = recording.Request(slugs, preset, name, place, publish)
    try:
        plan = recording.plan(request)
    except recorded.RecordedError as error:
        raise click.ClickException(str(error)) from None
    told = recording.write(plan, request)
    for folder, chapters in told.items():
        _tell(place / folder, plan.folders[folder], chapters)
    for slug, why in plan.left_out.items():
        click.echo(f"not recorded: {slug} ({why})", err=True)
    if publish:
        click.echo(f"published edition: {next(iter(told))}")


def _tell(folder: Path, runs: list[Recorded], chapters: dict[str, list[str]]) -> None:
    machines = "; ".join(dict.fromkeys(run.machine() for run in runs))
    click.echo(f"{os.path.relpath(folder)}: {machines}")
    for what, slugs in chapters.items():
        if slugs:
            label = "kept from before" if what == "kept" else what
            click.echo(f"  {label}: {', '.join(slugs)}")
    dirty = [run.chapter for run in runs if str(run.provenance["commit"]).endswith("-dirty")]
    if dirty:
        names = ", ".join(dirty)
        click.echo(f"  made from files that differ from their commit: {names}", err=True)
