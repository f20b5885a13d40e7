"""Times in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds in words, such as ``12 s`` or ``3 min 5 s``."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
