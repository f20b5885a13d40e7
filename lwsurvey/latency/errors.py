"""What can go wrong while something is timed."""

from __future__ import annotations


class LatencyError(RuntimeError):
    """A competitor that cannot be timed; the message names it."""
