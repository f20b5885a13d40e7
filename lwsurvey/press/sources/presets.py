"""``notebooks/presets.yml``: what a preset changes of a chapter's parameters cell."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from lwsurvey.press.results.results import PUBLISHED
from lwsurvey.press.sources.parameters import unknown

SETTINGS = {"alone": False, "timeout": 600}
# It becomes the name of a folder.
NAME = re.compile(r"\w[\w.-]*")


class ChapterError(ValueError):
    """A chapter, a preset or a parameter is wrong; the message says which and what to do."""


def read(path: Path, slugs: list[str]) -> dict[str, dict[str, object]]:
    """The entries of the file, one for each chapter.

    Args:
        path: of the file.
        slugs: of all chapters.

    Raises:
        ChapterError: the file is missing or malformed, lacks a chapter, or has one too many.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise ChapterError("notebooks/presets.yml is missing") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise ChapterError(f"notebooks/presets.yml is no YAML{where}") from None
    if not isinstance(entries, dict):
        raise ChapterError("notebooks/presets.yml must map chapters to their presets")
    for slug in entries:
        if slug not in slugs:
            raise ChapterError(f"notebooks/presets.yml: {unknown('chapter', str(slug), slugs)}")
    for slug in slugs:
        _check_entry(slug, entries.get(slug))
    return entries


def _check_entry(slug: str, entry: object) -> None:
    where = f"notebooks/presets.yml: {slug}"
    if not isinstance(entry, dict):
        raise ChapterError(f"{where} needs an entry; notebooks/README.md shows one")
    if not isinstance(entry.get("alone", False), bool):
        raise ChapterError(f"{where}: alone must be true or false, not {entry['alone']!r}")
    timeout = entry.get("timeout", 1)
    if type(timeout) not in (int, float) or not 0 < timeout < float("inf"):
        raise ChapterError(f"{where}: timeout must be seconds, not {timeout!r}")
    for name, changes in entry.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ChapterError(f"{where}: {name!r} is no name for a preset, put a word there")
        if name not in SETTINGS and not isinstance(changes, dict):
            raise ChapterError(f"{where}: preset {name} must map parameters to values")
        if name not in SETTINGS and not all(isinstance(key, str) for key in changes):
            raise ChapterError(f"{where}: preset {name} has a parameter whose name is no text")
    if PUBLISHED in entry:
        raise ChapterError(f"{where}: the preset {PUBLISHED} is the parameters cell itself")
