"""The command line: its commands, in the order in which they are used."""

from __future__ import annotations

import click

import lwsurvey
from lwsurvey.press.commands import book, course, ledger, profile, rerun, train


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
      lwsurvey train --dry-run                   networks that are still to be trained
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


COMMANDS = (
    book.list_, book.run, book.build, train.train, ledger.ledger, rerun.compare, rerun.record,
    profile.profile, book.serve, course.assign, course.grade, book.new,
)  # fmt: skip
for command in COMMANDS:
    main.add_command(command)
