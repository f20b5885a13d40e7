"""``lwsurvey compare``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from lwsurvey import store
from lwsurvey.press.commands.shared import command
from lwsurvey.press.sources.chapters import PUBLISHED

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
    from lwsurvey.press.sources.plan import PlanError

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
