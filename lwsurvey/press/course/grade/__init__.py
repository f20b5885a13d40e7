"""Grading of submissions with nbgrader, each in a process and a sandbox of its own."""
