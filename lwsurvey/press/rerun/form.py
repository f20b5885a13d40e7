"""The form of a recorded run as JSON: what a file from a stranger must hold before it is used.

Whatever is wrong gives one clear complaint, and nothing is executed.
"""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lwsurvey.paths import INSIDE

SCHEMA = 3
OLDEST = 1
"""Files of this version and later can be read: they lack only what was added since."""
SCHEMA_FILE = f"data/recorded/schema-{SCHEMA}.json"
PACKAGE = Path(__file__).resolve().parents[2]
DEEPEST = 20
# Control characters, which a terminal may obey, halves of characters, and changes of direction.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


class JsonError(ValueError):
    """What is wrong, without the name of the file."""


def parse(text: bytes, chapter: str) -> dict[str, Any]:
    """The text of a file as a recorded run of a chapter.

    Raises:
        JsonError: it is none, is damaged, or has what should not be printed.
    """
    content = _load(text)
    _check_version(content)
    _check_form(content)
    if content["chapter"] != chapter:
        raise JsonError(f"is of the chapter {content['chapter']}")
    times = Counter(claim["id"] for claim in content["claims"])
    if twice := [claim for claim, n in times.items() if n > 1]:
        raise JsonError(f"decides more than once: {', '.join(twice)}")
    return content


def _check_version(content: object) -> None:
    version = content.get("schema") if isinstance(content, dict) else None
    if type(version) is not int:
        raise JsonError("is no recorded run")
    made = f"(schema {version}, this one reads {OLDEST} to {SCHEMA})"
    if version > SCHEMA:
        raise JsonError(f"was made by a newer version of lwsurvey {made}: update lwsurvey")
    if version < OLDEST:
        raise JsonError(f"was made by an older version of lwsurvey {made}")


def _check_form(content: object) -> None:
    from jsonschema.exceptions import best_match  # takes a second to load

    if error := best_match(_validator().iter_errors(content)):
        reason = textwrap.shorten(error.message, 160, placeholder=" …")
        place = error.json_path.removeprefix("$").lstrip(".")
        raise JsonError(f"{place}: {reason}" if place else reason)


@cache
def _validator() -> object:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # From where this code lies, not from LWSURVEY_ROOT: the schema belongs to the code.
    found = (folder / SCHEMA_FILE for folder in (PACKAGE.parent, PACKAGE / INSIDE))
    schema = json.loads(next(path for path in found if path.is_file()).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, registry=Registry())  # no reference leaves the schema


def _load(text: bytes) -> object:
    """JSON as a value; what is ambiguous, endless or cannot be printed is refused."""
    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_constant=_constant,
            parse_float=_number,
            parse_int=_whole,
            object_pairs_hook=_object,
        )
    except JsonError:
        raise
    except UnicodeDecodeError:
        raise JsonError("is no text in UTF-8") from None
    except RecursionError:
        raise JsonError("is nested too deeply") from None
    except ValueError as error:
        raise JsonError(f"is no JSON: {error}") from None
    if any(UNPRINTABLE.search(text) for text in _texts(value, 0)):
        raise JsonError("has a text with characters that cannot be printed")
    return value


def _constant(text: str) -> float:
    raise JsonError(f"has {text}, which is no number in JSON")


def _number(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise JsonError("has a number that is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > 100:  # beyond any count, and beyond what a float can hold soon after
        raise JsonError("has a number that is too large")
    return int(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise JsonError("has the same name twice in an object")
    return found


def _texts(value: object, depth: int) -> Iterator[str]:
    """All texts in a value, names included."""
    if depth > DEEPEST:
        raise JsonError("is nested too deeply")
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _texts(part, depth + 1)
