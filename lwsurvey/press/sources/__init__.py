"""A chapter as it is written: its notebook, its parameters and presets, its place in the book."""
