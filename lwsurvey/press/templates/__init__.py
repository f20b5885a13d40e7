"""The texts and stand-alone pages that commands write, from the templates in this folder."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from lwsurvey.durations import duration

FOLDER = Path(__file__).resolve().parent


def render(name: str, **context: object) -> str:
    """A template of this folder with its names filled in; HTML is escaped.

    Args:
        name: file of the template. ``standalone.html`` is what pages extend: one file, no
            script, no address, light and dark.
        context: a value for each name; one that is missing is an error.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters["duration"] = duration
    environment.filters["digits"] = lambda value: f"{value:.3g}"
    return environment.get_template(name).render(context)
