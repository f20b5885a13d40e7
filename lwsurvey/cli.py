"""The command line. What is slow to load is loaded by the command that needs it."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

import lwsurvey
from lwsurvey.press.results import PUBLISHED

if TYPE_CHECKING:
    from lwsurvey.press import listing

PRESET_HELP = "smoke, cpu, gpu, or any other of notebooks/presets.yml."


class Commands(click.Group):
    """The commands in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the source."""
        return list(self.commands)


def _command(function: Callable) -> Callable:
    """Turn the errors that a user can cause into one line, without a traceback."""

    @functools.wraps(function)
    def wrapped(*args: object, **options: object) -> None:
        from lwsurvey.press.chapters import ChapterError
        from lwsurvey.press.plan import PlanError

        try:
            function(*args, **options)
        except ChapterError as error:
            raise click.UsageError(str(error)) from None
        except BrokenPipeError:
            raise  # the reader of our output has gone; click ends quietly
        except (PlanError, OSError) as error:
            raise click.ClickException(str(error)) from None
        except ModuleNotFoundError as error:
            hint = "set up the environment with: make book, and use .venv/bin/lwsurvey"
            raise click.ClickException(f"the package {error.name} is missing; {hint}") from None
        except KeyboardInterrupt:
            sys.exit(130)

    return wrapped


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
      lwsurvey ledger --verdict erratum          what the surveys get wrong
      lwsurvey profile mobilenet_v2              what a network costs, stage by stage
      lwsurvey assign conv-cost --out course     an assignment for nbgrader
      lwsurvey grade course                      marks for what was handed in

    A chapter runs again only if its notebook, parameters, imported modules, claims, data or
    requirements.lock changed.
    """


@main.command("list")
@click.option("--preset", default=PUBLISHED, show_default=True, help=PRESET_HELP)
@_command
def list_(preset: str) -> None:
    """Show the chapters, their presets, and whether their results are fresh."""
    from lwsurvey.durations import duration
    from lwsurvey.press import chapters, keys
    from lwsurvey.press.results import runs_folder

    found = chapters.discover()
    width = max((len(chapter.slug) for chapter in found), default=0)
    for chapter in found:
        state = keys.state(chapter, preset, chapter.resolve(preset), runs_folder(preset))
        last = f" (last run {duration(state.seconds)})" if state.seconds else ""
        alone = ", runs alone" if chapter.alone else ""
        click.echo(f"{chapter.slug:{width}}  {chapter.title}")
        click.echo(f"{'':{width}}  presets {', '.join(chapter.presets)}{alone}")
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
@_force
@_command
def run(
    slugs: tuple[str, ...], preset: str, overrides: dict[str, str], jobs: int, force: bool
) -> None:
    """Run chapters; all of them if none is named.

    Results are executed notebooks in _build/runs/PRESET. The run can be interrupted at any
    moment: finished chapters stay, and the same command goes on with the others.

    \b
    Examples:
      lwsurvey run                               all chapters, as the book publishes them
      lwsurvey run conv-cost relu-collapse       two of them
      lwsurvey run relu-collapse --preset gpu    with more repeats, on a GPU
      lwsurvey run relu-collapse -p matrices 50  with a parameter of your own

    Exit status: 0 if all chapters have a result, 1 if one failed, 2 if the command is wrong,
    130 if it was interrupted.
    """
    from lwsurvey.press import session

    session.run(slugs, preset, overrides, jobs=jobs, force=force)


@main.command()
@click.option("--preset", default=PUBLISHED, show_default=True, help=PRESET_HELP)
@_jobs
@_force
@_command
def build(preset: str, jobs: int, force: bool) -> None:
    """Run all chapters whose inputs changed, and build the site in _build/html.

    It fails if a chapter fails, if a verdict of the published preset differs from the one in
    data/claims.csv, or if the site is not complete. A verdict on a time may differ on other
    hardware, and a reduced experiment may become inconclusive: that is only reported.

    \b
    Examples:
      lwsurvey build
      lwsurvey build --preset smoke    a quick look; its verdicts are not compared
    """
    from lwsurvey.press import chapters, listing, session, site

    session.run((), preset, {}, jobs=jobs, force=force)
    try:
        folder = site.build(preset)
    except site.SiteError as error:
        raise click.ClickException(str(error)) from None
    if preset == PUBLISHED:
        _report_departures(listing.read(chapters.discover()))
    click.echo(f"The site is in {folder}; open {folder / 'index.html'}")


@main.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "md"]),
    default="table",
    show_default=True,
    help="How to print the claims.",
)
@click.option("--chapter", metavar="SLUG", help="Only the claims of this chapter.")
@click.option("--verdict", metavar="VERDICT", help="Only claims with this verdict.")
@_command
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
    from lwsurvey.press import chapters, listing, records

    try:
        book = listing.read(chapters.discover())
        rows = listing.choose(book.rows, chapter, verdict)
    except listing.ListingError as error:
        raise click.UsageError(str(error)) from None
    except (LedgerError, records.RecordError) as error:
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


def _sides(_: object, __: object, text: str | tuple[str, ...] | None) -> object:
    """Whole numbers out of texts such as ``160`` or ``1x3x160x224``."""
    if text is None or isinstance(text, tuple):
        return None if text is None else tuple(_sides(_, __, one) for one in text)
    parts = text.lower().replace("×", "x").split("x")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise click.BadParameter(f"{text!r} is not of positive whole numbers, as 160 or 160x224")
    return tuple(map(int, parts))


@main.command()
@click.argument("name")
@click.option(
    "--by",
    type=click.Choice(["stage", "layer", "type"]),
    default="stage",
    show_default=True,
    help="A row for each part of the network, each call of a layer, or each type of layer.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "md"]),
    default="table",
    show_default=True,
    help="How to print it; counts are exact in json and csv.",
)
@click.option(
    "--size",
    metavar="SIZE",
    callback=_sides,
    help="Side of the images, or rows and columns, such as 160 or 160x224; else the network's own.",
)
@click.option(
    "--shape",
    "shapes",
    metavar="SHAPE",
    multiple=True,
    callback=_sides,
    help="The whole input, batch included, such as 1x3x160x160; repeat it for several inputs.",
)
@click.option("--batch", type=click.IntRange(1, 2**16), help="Images at a time.  [default: 1]")
@click.option("--width", type=float, metavar="ALPHA", help="Multiplier of the network's channels.")
@click.option(
    "--conventions",
    metavar="NAME",
    default="papers",
    show_default=True,
    help="What counts as a MAC; an unknown name lists them.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16", "int8"]),
    default="float32",
    show_default=True,
    help="Type of all elements, for sizes in bytes.",
)
@click.option(
    "--device",
    type=click.Choice(["meta", "cpu"]),
    default="meta",
    show_default=True,
    help="cpu computes, as networks need whose forward pass branches on data.",
)
@_command
def profile(
    name: str, form: str, size: tuple[int, ...] | None, shapes: tuple, **options: object
) -> None:
    """Count what a network costs: MACs, parameters, activations, memory access.

    NAME is a network of torchvision or timm or one of this book's own, looked for in this
    order; torchvision:NAME, timm:NAME and lwsurvey:NAME say which. Your own network is
    package.module:callable, where the callable returns a torch.nn.Module; the current folder
    is searched too. Weights are neither needed nor fetched, and nothing is computed.

    \b
    Examples:
      lwsurvey profile mobilenet_v2                     stage by stage, and the totals
      lwsurvey profile timm:resnet50 --by type          what its pointwise layers cost
      lwsurvey profile mobilenet_v2 --width 0.5 --size 160
      lwsurvey profile resnet50 --by layer --format csv > resnet50.csv
      lwsurvey profile mypackage.nets:small --shape 1x1x28x28
      lwsurvey profile mypackage.nets:siamese --shape 1x3x64x64 --shape 1x3x64x64
      lwsurvey profile ssdlite320_mobilenet_v3_large --device cpu

    Counts go to standard output, remarks to standard error. Exit status: 0 if it was counted,
    1 if the forward pass failed, 2 if there is no such network or the command is wrong.
    """
    from lwsurvey.cost.by_name import Request, report
    from lwsurvey.cost.errors import CostError
    from lwsurvey.cost.formats import FORMATS, table
    from lwsurvey.models.errors import NetworkError
    from lwsurvey.models.naming import LIBRARIES

    if size and len(size) > 2:
        size, shapes = None, (size, *shapes)
    size = size * 2 if size and len(size) == 1 else size
    if ":" in name and name.partition(":")[0] not in LIBRARIES:
        sys.path.insert(0, os.getcwd())
    try:
        found = report(Request(name, size, shapes, **options))
    except NetworkError as error:
        raise click.UsageError(str(error)) from None
    except CostError as error:
        raise click.ClickException(str(error)) from None
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    text = table(found, width) if form == "table" else FORMATS[form](found)
    # As bytes, because a file or a pipe must not depend on the encoding of a terminal.
    click.echo(text.encode(), nl=False)
    for line in found.remarks:
        click.echo(line, err=True)


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@_command
def serve(port: int) -> None:
    """Serve the built site on this machine, until Ctrl-C.

    \b
    Example:
      lwsurvey serve --port 8080
    """
    from lwsurvey.press import serve as server
    from lwsurvey.press.site import SiteError

    try:
        server.serve(port)
    except SiteError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("slugs", metavar="CHAPTER...", nargs=-1, required=True)
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The course folder; chapters are added to one that this command made.",
)
@click.option("--force", is_flag=True, help="Replace chapters that the course has already.")
@_command
def assign(slugs: tuple[str, ...], out: Path, force: bool) -> None:
    """Make assignments of chapters: a course folder that nbgrader takes as it is.

    Students get DIR/release/CHAPTER: the notebook in the smoke preset without solutions and
    hidden tests, the package at this commit with the data inside, what else to install, and a
    README. It takes some seconds a chapter and needs no network.

    \b
    Examples:
      lwsurvey assign conv-cost --out course
      lwsurvey assign relu-collapse se --out course     two more in the same course
      lwsurvey assign conv-cost --out course --force    made anew after the chapter changed

    Exit status: 0 if it was made, 1 if not, and then the folder is as it was; 2 if the command
    is wrong.
    """
    from lwsurvey.press.course.assign import assign
    from lwsurvey.press.course.errors import CourseError

    try:
        made = assign(slugs, out, force)
    except CourseError as error:
        raise click.ClickException(str(error)) from None
    for one in made:
        words = f", {len(one.written)} of them in words" if one.written else ""
        points = f"{sum(one.points.values()):g} points"
        click.echo(f"{one.slug}: {len(one.points)} graded cells{words}, {points}")
    click.echo(f"Students get {out / 'release'}; {out / 'README.md'} says how to go on.")


_LIMITS = (
    ("--seconds", "cell", 60, "Seconds that one cell may run."),
    ("--notebook-seconds", "notebook", 600, "Seconds that all cells of a notebook may run."),
    ("--memory", "memory", 4096, "MiB of memory that a submission may need."),
)


def _limits(function: Callable) -> Callable:
    kind = click.IntRange(min=1)
    for option, name, default, text in reversed(_LIMITS):
        function = click.option(
            option, name, type=kind, default=default, show_default=True, help=text
        )(function)
    return function


@main.command()
@click.argument("course", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("slugs", metavar="[CHAPTER]...", nargs=-1)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Submissions at a time.",
)
@_limits
@click.option("--force", is_flag=True, help="Grade also what was graded before.")
@click.option(
    "--no-sandbox",
    "trusted",
    is_flag=True,
    help="Let submissions read your files and use the network; limits stay.",
)
@_command
def grade(
    course: Path, slugs: tuple[str, ...], jobs: int, force: bool, trusted: bool, **limits: int
) -> None:
    """Grade the submissions of a course that are new or changed.

    DIR is a course folder of lwsurvey assign; submissions are where nbgrader has them, in
    DIR/submitted/STUDENT/CHAPTER. Each is graded by nbgrader in a process and a sandbox of its
    own, without a network. Marks go to nbgrader's gradebook, and from there, with those that you
    gave by hand, to DIR/grading/marks.csv, exercises.csv and index.html; what students get back
    is in DIR/feedback. The command can be interrupted: what was graded stays.

    \b
    Examples:
      lwsurvey grade course                        all chapters, two submissions at a time
      lwsurvey grade course conv-cost --jobs 8
      lwsurvey grade course --seconds 120          for slower machines

    Exit status: 0 if every submission has an outcome, also one that could not be read; 1 if
    there is nothing to grade or no sandbox; 2 if the command is wrong.
    """
    from lwsurvey.press.course.errors import CourseError
    from lwsurvey.press.grading import session
    from lwsurvey.press.grading.limits import Limits
    from lwsurvey.press.grading.sandbox import SandboxError

    try:
        session.grade(course, slugs, Limits(**limits), jobs=jobs, force=force, trusted=trusted)
    except (CourseError, SandboxError) as error:
        raise click.ClickException(str(error)) from None
