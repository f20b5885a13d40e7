"""``lwsurvey compare`` and ``record``: your run and the published edition."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwsurvey import store
from lwsurvey.press.commands.shared import command
from lwsurvey.press.sources.chapters import PUBLISHED
from lwsurvey.press.sources.plan import PlanError

if TYPE_CHECKING:
    from lwsurvey.press.rerun.recorded import Recorded

TROUBLE = 2
"""Exit status if there is nothing to say; 1 means that something differs, as in diff."""


def _place(_: object, __: object, out: Path | None) -> Path | None:
    if out and not out.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {out.parent}")
    return out


@click.command()
@click.argument("slugs", metavar="[CHAPTER]...", nargs=-1)
@click.option(
    "--preset",
    default=PUBLISHED,
    show_default=True,
    help="Whose runs are yours: those in _build/runs/PRESET.",
)
@click.option(
    "--with",
    "other",
    metavar="HARDWARE|DIR",
    help="Records to compare with instead of the published edition: a folder of data/recorded, "
    "or any other.",
)
@click.option(
    "--mine",
    metavar="HARDWARE|DIR",
    help="Recorded runs instead of those in _build: a folder of data/recorded, or any other.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "html"]),
    default="table",
    show_default=True,
    help="Plain text, JSON, or a page that stands alone.",
)
@click.option("--all", "everything", is_flag=True, help="Show each claim, not what differs alone.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_place,
    help="Write to a file instead of standard output.",
)
@command
def compare(
    slugs: tuple[str, ...], preset: str, other: str | None, mine: str | None, form: str,
    everything: bool, out: Path | None,
) -> None:  # fmt: skip
    """Set your run beside the published one; all chapters that both have if none is named.

    Exact results must be the same. Times need not: their ratio is shown. What was trained or
    sampled must lie in a band about the published value that both intervals give. The page
    "Run it yourself, and compare" of the book explains all of this.

    \b
    Examples:
      lwsurvey compare                               what differs, all chapters
      lwsurvey compare shufflenet-v2 --preset gpu    your run on a GPU
      lwsurvey compare conv-cost --all               each claim
      lwsurvey compare --format html --out mine.html

    With other parameters than the published run's, little can be judged; the last line says
    how many claims are not, and which of these have another verdict.

    Exit status: 0 if all that differs is explained or cannot be judged because parameters
    differ; 1 if an exact result differs although the parameters are the same, or a verdict
    differs and the value lies outside its band; 2 if the command is wrong or a side is missing
    or damaged.
    """
    from lwsurvey.press.rerun import sides

    with _trouble():
        found = sides.compare(slugs, preset, mine, other)
        for line in found.remarks:
            click.echo(line, err=True)
        _write(_rendered(found, form, everything), out)
    if any(f.unexplained for c in found.comparisons for f in c.findings):
        sys.exit(1)


@contextmanager
def _trouble() -> Iterator[None]:
    """End with one line and status 2 if a side is missing or damaged, or nothing can be written."""
    from lwsurvey.claims.ledger import LedgerError
    from lwsurvey.press.rerun.recorded import RecordedError
    from lwsurvey.press.rerun.sides import CompareError

    try:
        yield
    except BrokenPipeError:
        raise  # the reader of our output has gone; click ends quietly
    except (CompareError, RecordedError, LedgerError, PlanError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(TROUBLE)


def _rendered(found: object, form: str, everything: bool) -> str:
    from lwsurvey.press.rerun.page import page
    from lwsurvey.press.rerun.report import as_json, text

    if form == "json":
        return as_json(found)
    return (page if form == "html" else text)(found, everything)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        # As bytes, because a file or a pipe must not depend on the encoding of a terminal.
        click.echo(text.encode(), nl=False)
        return
    store.write(out, text)
    click.echo(f"written: {out}", err=True)


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
