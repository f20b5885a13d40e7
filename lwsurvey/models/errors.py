"""What can be wrong with the name of a network; without torch, so that it loads at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NetworkError(ValueError):
    """A network that does not exist or cannot be built; the message says why and what to do."""


class WidthError(ValueError):
    """Channels that a block cannot have, where other channels would do; the message says why."""


def near(name: str, names: Iterable[str], n: int = 3) -> list[str]:
    """Names that begin like one, capitals and hyphens aside, then names that resemble it."""
    plain, wanted = {_plain(known): known for known in names}, _plain(name)
    longer = sorted((text for text in plain if text.startswith(wanted)), key=len)
    like = difflib.get_close_matches(wanted, plain, n=n, cutoff=0.7)
    return [plain[text] for text in dict.fromkeys([*longer[:n], *like])][:n]


def _plain(name: str) -> str:
    return name.lower().translate(str.maketrans("", "", "-_. "))
