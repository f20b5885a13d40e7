"""JSON from strangers: one clear complaint for whatever is wrong, and nothing is executed."""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from lwsurvey.paths import INSIDE

LARGEST = 5 * 2**20
DEEPEST = 20
# Control characters, which a terminal may obey, halves of characters, and changes of direction.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")
PACKAGE = Path(__file__).resolve().parents[2]


class JsonError(ValueError):
    """What is wrong, without the name of the file."""


def content(path: Path) -> bytes:
    """The content of a file.

    Raises:
        JsonError: it is missing, cannot be read, or is too big.
    """
    try:
        with open(path, "rb") as file:
            found = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise JsonError("does not exist") from None
    except OSError as error:
        raise JsonError(f"cannot be read ({error.strerror})") from None
    if len(found) > LARGEST:
        raise JsonError(f"is larger than {LARGEST // 2**20} MiB")
    return found


def parse(text: bytes) -> object:
    """Bytes as a value.

    Raises:
        JsonError: they are no JSON, or hold what it does not allow or what should not be printed.
    """
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


def printable(text: str) -> str:
    """The text with a question mark for what should not be printed."""
    return "".join(c if c.isprintable() else "?" for c in text)


def check(value: object, schema: str) -> None:
    """Compare a value with a JSON Schema of ``data/``; no reference leaves that schema.

    Raises:
        JsonError: it does not fit; the message says where and why.
    """
    from jsonschema.exceptions import best_match  # takes a second to load

    if error := best_match(_validator(schema).iter_errors(value)):
        reason = textwrap.shorten(error.message, 160, placeholder=" …")
        place = error.json_path.removeprefix("$").lstrip(".")
        raise JsonError(f"{place}: {reason}" if place else reason)


@lru_cache
def _validator(schema: str) -> object:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # From where this code lies, not from LWSURVEY_ROOT: the schema belongs to the code.
    folders = (PACKAGE.parent, PACKAGE / INSIDE)
    path = next(p for folder in folders if (p := folder / "data" / schema).is_file())
    loaded = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(loaded)
    return Draft202012Validator(loaded, registry=Registry())


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
