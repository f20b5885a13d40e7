"""Chapters of the book as assignments of an nbgrader course."""
