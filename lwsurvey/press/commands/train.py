"""``lwsurvey train``: recorded runs, made, checked and pruned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lwsurvey.press.commands.shared import command
from lwsurvey.press.sources import chapters
from lwsurvey.schema import SCHEDULER

if TYPE_CHECKING:
    from lwsurvey.train.records import Session


def _share(_: object, __: object, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise click.BadParameter(f"{text!r} is not a share; write it as 10% or 0.1")
    return share


@click.command()
@click.argument("slugs", metavar="[CHAPTER]...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Say how many networks are to be trained, and stop.")
@click.option(
    "--check",
    metavar="SHARE",
    callback=_share,
    help="Train a share of the recorded networks again, such as 10%, and compare.",
)
@click.option("--prune", is_flag=True, help="Drop recorded runs that no chapter asks for.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1), help="Networks at a time; all cores if not given."
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    envvar=SCHEDULER,
    help=f"A Dask scheduler whose workers train, as of lwsurvey run. [env: {SCHEDULER}]",
)
@command
def train(
    slugs: tuple[str, ...], dry_run: bool, check: float | None, prune: bool,
    jobs: int | None, scheduler: str | None,
) -> None:  # fmt: skip
    """Train the networks that chapters ask for and data/runs does not have yet.

    They are trained as the published edition has them, on all cores. Each finished network is
    recorded at once: stopped at any moment, the command loses only those in training, and goes
    on where it was.

    \b
    Examples:
      lwsurvey train --dry-run                   how many networks are missing, by chapter
      lwsurvey train mobilenet-v2                train those of a chapter
      lwsurvey train --check 10%                 train a tenth of the recorded ones again
      lwsurvey train --prune                     and drop what no chapter asks for

    Exit status: 0 if all is recorded and agrees, 1 if not, 2 if the command is wrong.
    """
    if dry_run and (check or prune):
        raise click.UsageError("--dry-run changes nothing: leave out --check and --prune")
    from lwsurvey.parallel import ClusterError
    from lwsurvey.press.run import training
    from lwsurvey.train import TrainError

    found = chapters.select(chapters.discover(), slugs)
    if slugs and (without := [one.slug for one in found if not training.trains(one)]):
        raise click.UsageError(f"{', '.join(without)}: trains nothing that is recorded")
    action = "count" if dry_run else "check" if check else "train"
    for chapter in filter(training.trains, found):
        try:
            report = training.train(
                chapter, action, jobs=jobs, share=check or 0, prune=prune, scheduler=scheduler
            )
        except (TrainError, ClusterError) as error:
            raise click.ClickException(f"{chapter.slug}: {error}") from None
        click.echo(f"{chapter.slug}: {_said(report, action)}")


def _said(report: Session, action: str) -> str:
    missing, wanted = sum(report.missing.values()), sum(report.wanted.values())
    if action == "check":
        return f"{report.checked} of {wanted} networks trained again; they agree"
    if action == "count":
        return f"{missing} networks to train, {wanted - missing} recorded"
    dropped = f"; {report.dropped} rows dropped" if report.dropped else ""
    return f"{missing} networks trained, {wanted} recorded{dropped}"
