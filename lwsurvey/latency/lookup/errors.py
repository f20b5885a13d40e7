"""What can go wrong with a table of latencies."""

from __future__ import annotations


class TableError(ValueError):
    """A table that cannot be made, read or used; the message says why and what to do."""
