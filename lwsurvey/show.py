"""Numbered figures, numbered tables and sentences with measured numbers in them."""

from __future__ import annotations

import io
from numbers import Integral, Real

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.figure import Figure

from lwsurvey.schema import METADATA_KEY


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
