"""The book's MyST as Markdown that Jupyter shows: no roles, no labels, no directives.

What the book numbers has a name here, the one that stands in the code: ``Fig. `fig-reach` ``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from pybtex.database import Entry, Person, parse_file
from pybtex.richtext import Text

LABEL = re.compile(r"^\([\w-]+\)=\n", re.M)
EQUATION = re.compile(
    r"^```\{math\}\n(?::label: eq-(?P<label>\S+)\n)?(?P<body>.*?)\n```", re.M | re.S
)
ROLE = re.compile(r"\{(?P<name>claim|source|cite(?::[tp])?|numref|eq|ref|doc)\}`(?P<text>[^`{}]+)`")
# In an f-string the braces of a role are doubled.
CODE_ROLE = re.compile(ROLE.pattern.replace(r"\{(", r"\{\{?(").replace(r")\}`", r")\}\}?`"))
TITLED = re.compile(r"(?P<text>.+?)\s*<(?P<label>[^<>]+)>")
KINDS = {"fig": "Fig.", "tbl": "Table", "lst": "Listing"}
SHOWN = re.compile(r'"((?:fig|tbl|lst)-[\w-]+)"')
KEPT = {"parameters"}  # the other tags say how the page shows a cell
DIRECTIVE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<name>[\w-]+)\}[ \t]*(?P<title>.*)\n(?P<options>(?::.*\n)*)"
    r"(?P<body>(?:.*\n)*?)(?P=fence)[ \t]*$",
    re.M,
)


@dataclass(frozen=True)
class Book:
    """What a chapter refers to.

    Attributes:
        titles: of the chapters, by slug.
        references: by key.
    """

    titles: Mapping[str, str]
    references: Mapping[str, Reference]


def plain(notebook: NotebookNode, book: Book) -> NotebookNode:
    """A notebook without MyST; code of figures, tables and sentences is folded.

    Args:
        notebook: as the book has it; it is changed.
        book: what its text refers to.
    """
    works = citations((cell.source for cell in notebook.cells), book)
    for cell in notebook.cells:
        _rewrite(cell, book)
    notebook.cells = [part for cell in notebook.cells for part in _named(cell)]
    if works:
        lines = (f"- {work.short}: *{work.title}*. {work.place}".rstrip() for work in works)
        source = "## References\n\n" + "\n".join(lines)
        notebook.cells.append(nbformat.v4.new_markdown_cell(source, id="works-cited"))
    return notebook


def _rewrite(cell: NotebookNode, book: Book) -> None:
    tags = set(cell.metadata.pop("tags", ()))
    if kept := sorted(tags & KEPT):
        cell.metadata["tags"] = kept
    if cell.cell_type == "markdown":
        cell.source = markdown(cell.source, book)
        return
    cell.source = code(cell.source, book)
    if tags & {"remove-input", "hide-input"} and "exercise" not in tags:
        cell.metadata["jupyter"] = {"source_hidden": True}


def _named(cell: NotebookNode) -> list[NotebookNode]:
    """The cell behind the names of what it shows, which only the book's pages number."""
    names = SHOWN.findall(cell.source) if cell.cell_type == "code" else []
    if not names:
        return [cell]
    words = ", ".join(f"{KINDS[name[:3]]} `{name}`" for name in names)
    return [nbformat.v4.new_markdown_cell(f"**{words}**", id=f"{cell.id}-name"), cell]


def markdown(source: str, book: Book) -> str:
    """A Markdown cell without MyST.

    Args:
        source: of the cell.
        book: what its roles refer to; an unknown label or key stays as it is written.
    """
    text = EQUATION.sub(_equation, LABEL.sub("", source))
    text = DIRECTIVE.sub(_quotation, text)
    return ROLE.sub(_in(book), text)


def _quotation(match: re.Match) -> str:
    title = match["title"].strip() or match["name"].capitalize()
    lines = [f"**{title}**", "", *match["body"].strip().splitlines()]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def code(source: str, book: Book) -> str:
    """A code cell with the roles in its texts replaced."""
    return CODE_ROLE.sub(_in(book), source)


def _equation(match: re.Match) -> str:
    tag = f"\n\\tag{{{match['label']}}}" if match["label"] else ""
    return f"$$\n{match['body']}{tag}\n$$"


def _in(book: Book) -> Callable[[re.Match], str]:
    return lambda match: _role(match["name"], match["text"].strip(), book)


def _role(name: str, text: str, book: Book) -> str:
    if name == "claim":
        return text
    if name == "source":
        titled = TITLED.fullmatch(text)
        return f"`{titled['text'] if titled else text}`"
    if name.startswith("cite"):
        return _cited(text, name.endswith(":t"), book)
    if name == "eq":
        return f"({text.removeprefix('eq-')})"
    if name == "numref":
        kind = KINDS.get(text.partition("-")[0])
        return f"{kind} `{text}`" if kind else text
    titled = TITLED.fullmatch(text)
    return titled["text"] if titled else f"“{book.titles.get(text, text)}”"


def _cited(keys: str, in_text: bool, book: Book) -> str:
    found = [(key.strip(), book.references.get(key.strip())) for key in keys.split(",")]
    if in_text:
        return ", ".join(f"{r.authors} [{r.year}]" if r else key for key, r in found)
    return "[" + "; ".join(r.short if r else key for key, r in found) + "]"


def citations(sources: Iterable[str], book: Book) -> list[Reference]:
    """The references that these sources cite, by authors and year.

    Args:
        sources: of cells, with their roles.
        book: what they refer to.
    """
    roles = (match for source in sources for match in CODE_ROLE.finditer(source))
    keys = {
        key.strip()
        for role in roles
        if role["name"].startswith("cite")
        for key in role["text"].split(",")
    }
    known = (book.references[key] for key in keys if key in book.references)
    return sorted(known, key=lambda reference: (reference.short, reference.title))


@dataclass(frozen=True)
class Reference:
    """A reference in plain text.

    Attributes:
        authors: as it is cited, ``Tan et al.``.
        year: with a letter where two would be cited alike.
        title: of the work.
        place: where to find it, or nothing.
    """

    authors: str
    year: str
    title: str
    place: str

    @property
    def short(self) -> str:
        """Authors and year, as in a citation."""
        return f"{self.authors}, {self.year}"


def references(path: Path) -> dict[str, Reference]:
    """All references of a BibTeX file, by key."""
    return {key: _reference(entry) for key, entry in parse_file(str(path)).entries.items()}


def _reference(entry: Entry) -> Reference:
    names = [_name(person) for person in entry.persons.get("author", [])]
    authors = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return Reference(authors, entry.fields["year"], _plain(entry.fields["title"]), _place(entry))


def _name(person: Person) -> str:
    return " ".join(_plain(part) for part in (*person.prelast_names, *person.last_names))


def _place(entry: Entry) -> str:
    for field, prefix in (("eprint", "arXiv:"), ("doi", "doi:"), ("url", "")):
        if field in entry.fields:
            return prefix + entry.fields[field]
    return _plain(entry.fields.get("howpublished", ""))


def _plain(text: str) -> str:
    return str(Text.from_latex(text)).replace("\\ensuremath ", "")  # left over from $...$
