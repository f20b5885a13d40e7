"""A course folder for nbgrader, made of chapters of the book."""
