"""Pages that stand alone: one file, no script, no address, light and dark."""

from __future__ import annotations

from jinja2 import Environment, StrictUndefined

from lwsurvey.durations import duration

STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --paper: #ffffff; --line: #c9d1d9;
  --soft: #f3f5f7; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --paper: #14181c;
  --line: #3b444d; --soft: #1d2329; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 68rem; margin: 0 auto; padding: 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem;
  border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; white-space: nowrap; }
"""
"""Colours, letters and tables; a page adds what is its own."""


def environment() -> Environment:
    """Jinja that escapes what it inserts and refuses names that nobody gave."""
    made = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    made.filters["duration"] = duration
    return made
