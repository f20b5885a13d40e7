"""nbgrader's command ``generate_feedback``, without the hidden tests.

``python -m lwsurvey.press.grading.feedback ARGUMENTS`` takes the arguments of
``nbgrader generate_feedback``, whose pages show every test as it was run.
"""

from __future__ import annotations

from nbformat import NotebookNode
from nbgrader.apps import GenerateFeedbackApp
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets.config import Config

from lwsurvey.press.notebook import HIDDEN


class HideTests(NbGraderPreprocessor):
    """Leaves of a test what students had, and of its failure whether a hidden part failed."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int) -> tuple:
        """Cut the hidden part out of the source, and the lines of it out of the traceback."""
        if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell):
            hidden = HIDDEN.findall(cell.source + "\n")
            cell.source = HIDDEN.sub("", cell.source + "\n").rstrip("\n")
            for output in cell.outputs:
                if output.output_type == "error" and hidden:
                    output.traceback = [f"{output.ename}: {output.evalue}".rstrip(": ")]
        return cell, resources


def config() -> Config:
    """nbgrader's own steps behind ours."""
    made = Config()
    steps = GenerateFeedback.preprocessors.default_args[0]
    made.GenerateFeedback.preprocessors = [HideTests, *steps]
    return made


if __name__ == "__main__":
    GenerateFeedbackApp.launch_instance(config=config())
