"""Lightweight Networks, Reproduced: the laboratory, and the press that prints it.

The laboratory (what a notebook imports) never imports the press (what makes notebooks
into a book); both use `lwsurvey.claims`.
"""

__version__ = "0.1.0"
