"""``lwsurvey new``."""

from __future__ import annotations

import click

from lwsurvey.press.commands.shared import command


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
    from lwsurvey import paths
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
