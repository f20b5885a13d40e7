"""A chapter's figures as inline SVG, so that they take the page's colours."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes
from myst_nb.sphinx_ext import OUTPUT_FOLDER
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from lwsurvey.figures.theme import FAINT, INK

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
LOGGER = logging.getLogger(__name__)
REFERENCE = re.compile(r"url\(#([^)]+)\)")


class InlineFigures(SphinxPostTransform):
    """Replaces the SVG images that cells have shown by their content."""

    default_priority = 5  # before Sphinx decides which image files to copy
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Replace each image; Sphinx is told of what lacks its words."""
        self._complain()
        folder = Path(self.app.outdir).parent / OUTPUT_FOLDER
        for number, image in enumerate(list(self.document.findall(nodes.image))):
            path = Path(self.app.srcdir) / image["uri"]
            if path.suffix != ".svg" or folder.resolve() not in path.resolve().parents:
                continue
            prefix, alt = f"{self.env.docname}-{number}-", image.get("alt", "")
            box = f'<div class="lw-figure">{inline(path.read_text("utf-8"), prefix, alt)}</div>'
            image.replace_self(nodes.raw("", box, format="html"))

    def _complain(self) -> None:
        for image in self.document.findall(nodes.image):
            if not image.get("alt", "").strip():
                LOGGER.warning("an image without alternative text", location=image)
        for figure in self.document.findall(nodes.figure):
            if not any(isinstance(child, nodes.caption) for child in figure):
                LOGGER.warning("a figure without caption", location=figure)


def inline(svg: str, prefix: str, alt: str) -> str:
    """An SVG file's content for use inside a page.

    Args:
        svg: the file, as matplotlib writes it.
        prefix: put before every id, which must be unique on the page.
        alt: alternative text.
    """
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(svg)
    # Its rule for `*` would hold for the whole page; the properties are inherited anyway.
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}style", f"{{{SVG}}}metadata"):
                parent.remove(child)
    for element in root.iter():
        for name, value in element.attrib.items():
            element.set(name, _attribute(name, value, prefix))
    _frame(root, alt)
    return ElementTree.tostring(root, encoding="unicode")


def _attribute(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return prefix + value
    if name in ("href", f"{{{XLINK}}}href") and value.startswith("#"):
        return f"#{prefix}{value[1:]}"
    value = REFERENCE.sub(rf"url(#{prefix}\1)", value)
    return value.replace(INK, "currentColor").replace(FAINT, "var(--lw-grid)")


def _frame(root: ElementTree.Element, alt: str) -> None:
    """Let the page set the size, and tell what the picture shows."""
    width = root.attrib.pop("width", "")
    root.attrib.pop("height", None)
    root.set("style", f"stroke-linejoin:round;stroke-linecap:butt;--lw-width:{width or '100%'}")
    root.set("role", "img")
    root.set("aria-label", " ".join(alt.split()))
