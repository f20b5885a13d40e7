"""Pages with the package's source, and the links to them from text, cells and listings."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import ReferenceRole

from lwsurvey.press.site import names
from lwsurvey.press.site.names import Place, Scope

NAME = "lw-name"
"""Class of the links."""
OPEN, MIDDLE, CLOSE = "\ue000", "\ue001", "\ue002"
"""Characters of private use about a linked token, until it is HTML."""


def setup(app: Sphinx) -> None:
    """Register the role, the transform and what makes the pages."""
    app.connect("builder-inited", _begin)
    app.connect("html-collect-pages", _pages)
    app.add_role("source", SourceRole())
    app.add_post_transform(Links)


def _begin(app: Sphinx) -> None:
    app.lw_mentions = {}  # for each module, the pages that lead to it
    if app.builder.format == "html":
        app.builder.highlighter.formatter = LinkingFormatter


class SourceRole(ReferenceRole):
    """``{source}`name <lwsurvey.module.name>` ``: a link to where a name is defined."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The link; a name that the package does not have is an error of the build."""
        place = names.find(self.target)
        if place is None:
            message = f"{{source}}: {self.target} is not defined in the package"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        return [_link(nodes.literal("", self.title), place)], []


class Links(SphinxPostTransform):
    """Links names of the package in a page's text and in its visible cells."""

    default_priority = 6
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Wrap names in the text; tell the highlighter of those in cells."""
        known = _scope(Path(self.app.srcdir) / f"{self.env.docname}.ipynb")
        for literal in list(self.document.findall(nodes.literal)):
            place = _place(literal, known)
            if place and not isinstance(literal.parent, nodes.reference):
                literal.replace_self(_link(literal.deepcopy(), place))
        for cell in self.document.findall(_is_input):
            for block in cell.findall(nodes.literal_block):
                self._cell(block, known)
        for link in self.document.findall(nodes.reference):
            if NAME in link["classes"]:
                self._mention(link["lw-module"])

    def _cell(self, block: nodes.literal_block, known: Scope) -> None:
        found = names.uses(block.rawsource, known)
        links = {start: (name, place.href) for start, (name, place) in found.items()}
        block["highlight_args"] = {**block.get("highlight_args", {}), "links": links}
        for _, place in found.values():
            self._mention(place.module)

    def _mention(self, module: str) -> None:
        self.app.lw_mentions.setdefault(module, {})[self.env.docname] = None


def _scope(notebook: Path) -> Scope:
    if not notebook.is_file():
        return Scope()
    cells = nbformat.read(notebook, as_version=4).cells
    return names.scope(cell.source for cell in cells if cell.cell_type == "code")


def _place(literal: nodes.literal, known: Scope) -> Place | None:
    """Where the name is defined that is all of a piece of inline code, or is called there."""
    name, bracket, rest = literal.astext().partition("(")
    whole = not bracket or rest.endswith(")")
    named = all(part.isidentifier() for part in name.split("."))
    return known.find(name) if whole and named else None


def _link(literal: nodes.literal, place: Place) -> nodes.reference:
    link = nodes.reference("", "", literal, internal=True, refuri=place.href, classes=[NAME])
    link["lw-module"] = place.module
    return link


def _is_input(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and "cell_input" in node["classes"]


class LinkingFormatter(HtmlFormatter):
    """HTML in which tokens at given offsets are links: ``links={offset: (token, address)}``."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.links = options.get("links", {})

    def format_unencoded(self, tokensource: Iterator, outfile: object) -> None:
        """Mark the tokens, format them, and turn the marks into links."""
        catcher = _Catcher()
        super().format_unencoded(self._marked(tokensource), catcher)
        text = "".join(catcher)
        for start, (_, href) in self.links.items():
            begin = f'<a class="{NAME}" href="{escape(href)}">'
            text = text.replace(f"{OPEN}{start}{MIDDLE}", begin)
        outfile.write(text.replace(CLOSE, "</a>") if self.links else text)

    def _marked(self, tokens: Iterator) -> Iterator:
        offset = 0
        for kind, value in tokens:
            name, _ = self.links.get(offset, (None, None))
            linked = f"{OPEN}{offset}{MIDDLE}{value}{CLOSE}"
            yield kind, linked if name == value else value
            offset += len(value)


class _Catcher(list):
    write = list.append


def _pages(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """A page for each module that some page leads to; none is searched or in the contents."""
    for module, mentions in sorted(app.lw_mentions.items()):
        pages = [(name, app.env.titles[name].astext()) for name in mentions]
        context = {"title": module, "pages": pages, "code": _code(names.module(module))}
        yield f"source/{module}", context, "lw-source.html"


def _code(module: names.Module) -> str:
    """The file as HTML, with an anchor at the line of each definition."""
    text = module.path.read_text("utf-8")
    lines = highlight(text, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).splitlines()
    for name, number in module.defined.items():
        lines[number - 1] = f'<span id="{escape(name)}">{lines[number - 1]}</span>'
    return "\n".join(lines)
