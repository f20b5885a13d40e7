"""What can go wrong while a course is made."""

from __future__ import annotations


class CourseError(ValueError):
    """An assignment cannot be made; the message says why, and what to do."""
