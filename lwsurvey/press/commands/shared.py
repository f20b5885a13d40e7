"""What commands share."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable

import click

from lwsurvey.press.sources.chapters import ChapterError
from lwsurvey.press.sources.plan import PlanError
from lwsurvey.runs import RunsError


def command(function: Callable) -> Callable:
    """Turn the errors that a user can cause into one line, without a traceback."""

    @functools.wraps(function)
    def wrapped(*args: object, **options: object) -> None:
        try:
            function(*args, **options)
        except ChapterError as error:
            raise click.UsageError(str(error)) from None
        except BrokenPipeError:
            raise  # the reader of our output has gone; click ends quietly
        except (PlanError, RunsError, OSError) as error:
            raise click.ClickException(str(error)) from None
        except ModuleNotFoundError as error:
            hint = "set up the environment with: make book, and use .venv/bin/lwsurvey"
            raise click.ClickException(f"the package {error.name} is missing; {hint}") from None
        except KeyboardInterrupt:
            sys.exit(130)

    return wrapped


def formats(text: str) -> Callable:
    """The option ``--format``, with its help."""
    choice = click.Choice(["table", "json", "csv", "md"])
    return click.option(
        "--format", "form", type=choice, default="table", show_default=True, help=text
    )
