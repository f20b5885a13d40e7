"""nbgrader's command ``autograde``, with its kernels guarded.

``python -m lwsurvey.press.course.grade.autograde ARGUMENTS`` takes the arguments of
``nbgrader autograde``; the task comes through the environment.
"""

from __future__ import annotations

from nbgrader.apps import AutogradeApp
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute
from traitlets.config import Config

from lwsurvey.press.course.grade.execute import Guarded
from lwsurvey.press.course.grade.mend import Mend


def config() -> Config:
    """nbgrader's own steps, with one before them and one exchanged."""
    made = Config()
    steps = Autograde.autograde_preprocessors.default_args[0]
    made.Autograde.autograde_preprocessors = [Guarded if s is Execute else s for s in steps]
    made.Autograde.sanitize_preprocessors = [
        Mend,
        *Autograde.sanitize_preprocessors.default_args[0],
    ]
    return made


if __name__ == "__main__":
    AutogradeApp.launch_instance(config=config())
