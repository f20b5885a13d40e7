"""What can go wrong in a search."""

from __future__ import annotations


class SearchError(ValueError):
    """A search that cannot begin or go on; the message says why and what to do."""
