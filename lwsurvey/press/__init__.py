"""The press: what turns notebooks into a book."""
