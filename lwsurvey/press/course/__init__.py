"""Chapters of the book as assignments of an nbgrader course."""

from __future__ import annotations


class CourseError(ValueError):
    """An assignment cannot be made or graded; the message says why, and what to do."""
