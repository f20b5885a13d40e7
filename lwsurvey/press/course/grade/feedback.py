"""nbgrader's command ``generate_feedback``, without the hidden tests.

``python -m lwsurvey.press.course.grade.feedback ARGUMENTS`` takes the arguments of
``nbgrader generate_feedback``, whose pages show every test as it was run.
"""

from __future__ import annotations

import json

from nbformat import NotebookNode
from nbgrader.apps import GenerateFeedbackApp
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets.config import Config

from lwsurvey.press.site.notebook import HIDDEN

SHORT = 12  # characters of a line that may stand anywhere


class HideTests(NbGraderPreprocessor):
    """Leaves of a test what students had, and of its failure no more than its kind."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Cut hidden parts out of sources, and outputs that quote them."""
        tests = [cell for cell in nb.cells if _is_test(cell)]
        hidden = [part for cell in tests for part in HIDDEN.findall(cell.source + "\n")]
        lines = {line.strip() for part in hidden for line in part.splitlines()}
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = [o for o in cell.outputs if not _quotes(o, lines)]
        for cell in tests:
            _hide(cell)
        return nb, resources


def _is_test(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)


def _quotes(output: NotebookNode, lines: set[str]) -> bool:
    """Whether an output that is no error of a test has a line of a hidden test."""
    text = "" if output.output_type == "error" else json.dumps(output, ensure_ascii=False)
    return any(len(line) > SHORT and json.dumps(line)[1:-1] in text for line in lines)


def _hide(cell: NotebookNode) -> None:
    """What a test printed or said could come from its hidden part, so that it goes."""
    cell.source, found = HIDDEN.subn("", cell.source + "\n")
    cell.source = cell.source.rstrip("\n")
    if found:
        cell.outputs = [o for o in cell.outputs if o.output_type == "error"]
        for output in cell.outputs:
            output.evalue, output.traceback = "", [f"{output.ename} in this test"]


def config() -> Config:
    """nbgrader's own steps behind ours."""
    made = Config()
    steps = GenerateFeedback.preprocessors.default_args[0]
    made.GenerateFeedback.preprocessors = [HideTests, *steps]
    return made


if __name__ == "__main__":
    GenerateFeedbackApp.launch_instance(config=config())
