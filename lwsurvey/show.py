"""Numbered figures and tables, sentences with measured numbers, and the package's own source."""

from __future__ import annotations

import ast
import inspect
import io
import json
import textwrap
from collections.abc import Callable
from html import escape
from numbers import Integral, Real

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.figure import Figure
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from lwsurvey.schema import METADATA_KEY

# One box for light and dark notebooks: Jupyter, VS Code and Colab name their themes differently.
BOX = "background: #f8f8f8; color: #1f2328; padding: 0.1em 1em; overflow-x: auto"


def figure(fig: Figure, name: str, caption: str, alt: str) -> None:
    """Show a figure as a vector graphic and close it.

    Args:
        fig: the figure.
        name: what ``{numref}`` refers to, such as ``fig-cost-ratio``.
        caption: MyST text below the figure.
        alt: what somebody who cannot see the figure has to know of it.

    Raises:
        ValueError: no alternative text or no caption.
    """
    if not alt.strip() or not caption.strip():
        raise ValueError(f"figure {name} needs a caption and an alternative text")
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(fig)
    metadata = {"type": "figure", "name": name, "caption": caption, "alt": alt}
    bundle = {"image/svg+xml": buffer.getvalue(), "text/plain": alt}
    display(bundle, raw=True, metadata={METADATA_KEY: metadata})


def table(frame: pd.DataFrame, name: str, caption: str, digits: int = 4) -> None:
    """Show a data frame as a numbered table.

    Args:
        frame: cells are shown as they are; floats with ``digits`` significant digits.
        name: what ``{numref}`` refers to, such as ``tbl-cost``.
        caption: MyST text above the table.
        digits: significant digits of floats.
    """
    cells = frame.reset_index() if frame.index.name else frame
    text = cells.map(lambda cell: _cell(cell, digits))
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in cells.dtypes]
    rule = ["---:" if right else ":---" for right in numeric]
    rows = [list(map(str, cells.columns)), rule, *text.to_numpy().tolist()]
    lines = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    markdown = f"```{{table}} {caption}\n:name: {name}\n\n{lines}\n```"
    html = text.style.hide(axis="index").set_caption(caption).to_html()
    bundle = {"text/markdown": markdown, "text/html": html, "text/plain": text.to_string()}
    display(bundle, raw=True)


def _cell(cell: object, digits: int) -> str:
    if isinstance(cell, Integral) and not isinstance(cell, bool):
        return f"{cell:,}"
    return f"{cell:.{digits}g}" if isinstance(cell, Real) else str(cell)


def say(text: str) -> None:
    """Show MyST text; the way for a measured number to get into a sentence."""
    display(Markdown(text))


def source(obj: Callable, *more: Callable, caption: str = "", name: str = "") -> None:
    """Show classes and functions of the package as they stand there, without their docstrings.

    Args:
        obj: class, function or method.
        more: further ones, for the same listing.
        caption: MyST text before the names and modules, such as ``Equation 2 as a module``.
        name: what ``{numref}`` refers to, such as ``lst-inverted-residual``, or nothing.

    Raises:
        ValueError: one of them is not of the package or has no Python source.
    """
    objects = [_unwrapped(each) for each in (obj, *more)]
    code = "\n\n\n".join(map(_code, objects))
    role = "{{source}}`{0} <{1}.{0}>` in {{source}}`{1}`"
    label = f":name: {name}\n" if name else ""
    text = json.dumps(_caption(caption, objects, role), ensure_ascii=False)
    markdown = f"````{{code-block}} python\n:caption: {text}\n{label}\n{code}\n````"
    formatter = HtmlFormatter(noclasses=True, style="default", cssstyles=BOX)
    heading = _caption(escape(caption), objects, "<code>{0}</code> in <code>{1}</code>")
    html = f"<p>{heading}</p>\n{highlight(code, PythonLexer(), formatter)}"
    display({"text/markdown": markdown, "text/html": html, "text/plain": code}, raw=True)


def _unwrapped(obj: object) -> Callable:
    found = inspect.unwrap(obj) if callable(obj) else obj
    if not (inspect.isclass(found) or inspect.isfunction(found) or inspect.ismethod(found)):
        raise ValueError(f"show.source takes classes and functions written in Python, not {obj!r}")
    if found.__module__.partition(".")[0] != __package__ or "<" in found.__qualname__:
        raise ValueError(
            f"{found.__module__}.{found.__qualname__} is not defined at the top of a module or "
            f"class of {__package__}; only these have a page to link to"
        )
    return found


def _caption(caption: str, objects: list[Callable], form: str) -> str:
    names = [form.format(each.__qualname__, each.__module__) for each in objects]
    return f"{caption}: {', '.join(names)}" if caption else ", ".join(names)


def _code(obj: Callable) -> str:
    """The source of one object; a docstring that is all of a body stays."""
    try:
        code = textwrap.dedent(inspect.getsource(obj))
    except (OSError, TypeError) as error:
        raise ValueError(f"{obj.__qualname__} has no Python source: {error}") from None
    lines = code.splitlines()
    for node in ast.walk(ast.parse(code)):
        documented = isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if documented and ast.get_docstring(node) is not None and len(node.body) > 1:
            first, end = node.body[0].lineno - 1, node.body[0].end_lineno
            while end < len(lines) and not lines[end].strip():
                end += 1
            lines[first:end] = [None] * (end - first)
    return "\n".join(line for line in lines if line is not None)
