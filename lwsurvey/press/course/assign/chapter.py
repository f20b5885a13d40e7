"""A chapter as instructors hand it out: the smoke preset, and text that Jupyter shows."""

from __future__ import annotations

import ast
import json
import re

import nbformat
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator, ValidationError

from lwsurvey.press.course.assign import readable
from lwsurvey.press.course.assign.readable import Book
from lwsurvey.press.course.errors import CourseError
from lwsurvey.press.sources.chapters import Chapter

PRESET = "smoke"
SHOWN = re.compile(r'"((?:fig|tbl)-[\w-]+)"')
KINDS = {"fig": "Fig.", "tbl": "Table"}
KEPT = {"parameters"}  # the other tags say how the page shows a cell


def notebook(chapter: Chapter, book: Book) -> NotebookNode:
    """The source of an assignment, with solutions and hidden tests.

    Args:
        chapter: of the book.
        book: what its text refers to.

    Raises:
        CourseError: its exercises are not such that nbgrader takes them.
    """
    made = nbformat.read(chapter.path, as_version=4)
    works = readable.cited((cell.source for cell in made.cells), book)
    for cell in made.cells:
        _rewrite(cell, chapter, book)
    made.cells = [part for cell in made.cells for part in _named(cell)]
    if works:
        made.cells.append(_bibliography(works))
    _check(made, chapter.slug)
    return made


def _rewrite(cell: NotebookNode, chapter: Chapter, book: Book) -> None:
    tags = set(cell.metadata.pop("tags", ()))
    if kept := sorted(tags & KEPT):
        cell.metadata["tags"] = kept
    if cell.cell_type == "markdown":
        cell.source = readable.markdown(cell.source, book)
    elif "parameters" in tags:
        cell.source = parameters(cell.source, chapter.resolve(PRESET))
    elif "remove-input" in tags:
        cell.source = readable.code(cell.source, book)
        cell.metadata["jupyter"] = {"source_hidden": True}


def _named(cell: NotebookNode) -> list[NotebookNode]:
    """The cell behind the names of its figures and tables, which only the book's pages show."""
    names = SHOWN.findall(cell.source) if cell.cell_type == "code" else []
    if not names:
        return [cell]
    words = ", ".join(f"{KINDS[name[:3]]} `{name}`" for name in names)
    return [nbformat.v4.new_markdown_cell(f"**{words}**", id=f"{cell.id}-name"), cell]


def parameters(source: str, values: dict[str, object]) -> str:
    """A parameters cell with other values; what stays equal and all comments stay.

    Args:
        source: of the cell, plain assignments.
        values: by name.
    """
    lines = source.encode().splitlines(keepends=True)  # columns of the syntax tree are bytes
    for node in reversed(ast.parse(source).body):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if ast.literal_eval(node.value) != values[target.id]:
            first, last = node.value.lineno - 1, node.value.end_lineno - 1
            begin = lines[first][: node.value.col_offset]
            end = lines[last][node.value.end_col_offset :]
            lines[first : last + 1] = [begin + _literal(values[target.id]).encode() + end]
    return b"".join(lines).decode()


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _bibliography(works: list[readable.Reference]) -> NotebookNode:
    lines = (f"- {work.short}: *{work.title}*. {work.place}".rstrip() for work in works)
    source = "## References\n\n" + "\n".join(lines)
    return nbformat.v4.new_markdown_cell(source, id="works-cited")


def _check(made: NotebookNode, slug: str) -> None:
    try:
        nbformat.validate(made)
        MetadataValidator().validate_nb(made)
    except (nbformat.ValidationError, ValidationError) as error:
        raise CourseError(f"{slug}: nbgrader does not take its exercises: {error}") from None
