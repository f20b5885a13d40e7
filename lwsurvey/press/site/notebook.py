"""Notebooks as the site shows them."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator

import nbformat
from nbformat import NotebookNode

from lwsurvey.schema import METADATA_KEY

HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS\n.*?^### END HIDDEN TESTS\n?", re.M | re.S)
SOLUTION_MARK = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?", re.M)
TABLE = "```{table}"
TITLE = re.compile(r"^# .+\n?", re.M)
VERDICTS = re.compile(r"^## Verdicts\n?", re.M)
"""The heading below which the site puts a table of the chapter's verdicts."""


class NotebookError(ValueError):
    """A notebook cannot be put on the site; the message says which and why."""


def page(
    executed: NotebookNode, slug: str, card: Callable[[str], str] | None = None
) -> NotebookNode:
    """The notebook as the site shows it: numbered figures, folded solutions, a head line, cards.

    Args:
        executed: a notebook with outputs; it is not changed.
        slug: chapter.
        card: function from a claim's id to its card on the site; without it the cards of the run
            stay.

    Raises:
        NotebookError: it does not begin with a title.
    """
    notebook = copy.deepcopy(executed)
    if not notebook.cells:
        raise NotebookError(f"{slug}: the notebook is empty")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _fold(cell)
            cell.outputs = [output for output in cell.outputs if not _is_progress(output)]
            for output in cell.outputs if card else ():
                if claim := _decided(output):
                    output.data["text/html"] = card(claim)
    notebook.cells = [part for cell in _summary_first(notebook.cells) for part in _parts(cell)]
    title = notebook.cells[0]
    title.source, found = TITLE.subn(
        rf"\g<0>\n```{{chapter-head}} {slug}\n```\n", title.source, count=1
    )
    if not found:
        raise NotebookError(f"{slug}: the first cell has no title (a line '# ...')")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            table = rf"\g<0>\n```{{verdict-table}} {slug}\n```\n\n"
            cell.source = VERDICTS.sub(table, cell.source, count=1)
    return notebook


def _summary_first(cells: list[NotebookNode]) -> list[NotebookNode]:
    """What a chapter found is known when it has run, and stands on the page after its title."""
    title, *others = cells
    found = ["summary" in cell.metadata.get("tags", ()) for cell in others]
    ordered = sorted(zip(found, others, strict=True), key=lambda pair: not pair[0])
    return [title, *(cell for _, cell in ordered)]


def _fold(cell: NotebookNode) -> None:
    tags = set(cell.metadata.get("tags", ()))
    if "injected-parameters" in tags:
        cell.metadata["tags"] = [*tags - {"injected-parameters"}, "remove-cell"]
    elif "parameters" in tags:
        cell.metadata["tags"] = sorted(tags | {"hide-input"})
        _prompts(cell, "the parameters")
    elif "exercise" in tags:
        cell.metadata["tags"] = sorted(tags | {"hide-input"})
        cell.source = SOLUTION_MARK.sub("", cell.source).rstrip("\n")
        _prompts(cell, "the solution")
    elif tags & {"hide-input", "remove-input"}:
        _fold_display(cell, tags, [kind for kind in map(_kind, cell.outputs) if kind])


def _fold_display(cell: NotebookNode, tags: set[str], kinds: list[str]) -> None:
    """Code of figures and tables unfolds; only what prints nothing but sentences is removed."""
    if not kinds:
        return
    cell.metadata["tags"] = sorted(tags - {"remove-input"} | {"hide-input"})
    several = len(kinds) > 1 and len(set(kinds)) == 1
    names = f"these {kinds[0]}s" if several else f"this {' and '.join(dict.fromkeys(kinds))}"
    # MyST-NB puts "source" or "output" for the type, if both are folded.
    _prompts(cell, f"the {{type}} of {names}" if "hide-output" in tags else f"the code of {names}")


def _prompts(cell: NotebookNode, what: str) -> None:
    cell.metadata.setdefault("mystnb", {}).update(
        code_prompt_show=f"Show {what}", code_prompt_hide=f"Hide {what}"
    )


def _parts(cell: NotebookNode) -> Iterator[NotebookNode]:
    """The cell, and further ones that hide its code for what it shows beside a figure.

    MyST-NB takes a figure's name and caption from the cell, and gives them to all its outputs;
    cells without code it leaves out.
    """
    if cell.cell_type != "code" or not any(map(_figure, cell.outputs)):
        yield cell
        return
    outputs, cell.outputs = cell.outputs, []
    kept = {tag for tag in cell.metadata.get("tags", ()) if tag.startswith("remove-")}
    tags = sorted(kept | {"remove-input"})
    for i, output in enumerate(outputs):
        if i and (_figure(output) or _figure(outputs[i - 1])):
            yield cell
            cell = nbformat.v4.new_code_cell(
                cell.source, id=f"{cell.id}-{i}", metadata={"tags": tags}
            )
        cell.outputs.append(output)
        if figure := _figure(output):
            cell.metadata.setdefault("mystnb", {}).update(
                figure={"name": figure["name"], "caption": figure["caption"]},
                image={"alt": figure["alt"]},
            )
    yield cell


def _figure(output: NotebookNode) -> dict[str, str]:
    """Name, caption and alternative text, if the output is a figure."""
    entry = output.get("metadata", {}).get(METADATA_KEY, {})
    return entry if entry.get("type") == "figure" else {}


def _kind(output: NotebookNode) -> str:
    """``figure``, ``table``, or nothing."""
    if _figure(output):
        return "figure"
    return "table" if output.get("data", {}).get("text/markdown", "").startswith(TABLE) else ""


def _decided(output: NotebookNode) -> str:
    """The id of the claim whose card the output is, or nothing."""
    entry = output.get("metadata", {}).get(METADATA_KEY, {})
    return entry["id"] if entry.get("type") == "verdict" else ""


def _is_progress(output: NotebookNode) -> bool:
    """Whether it is a progress bar, which redraws its line, and no message."""
    return output.get("name") == "stderr" and "\r" in output.get("text", "")
