"""Figures that several chapters share, and the book's one figure style."""

from lwsurvey.figures.blocks import Box, Unit
from lwsurvey.figures.diagram import units
from lwsurvey.figures.intervals import effects, ends
from lwsurvey.figures.layers import per_layer
from lwsurvey.figures.theme import FAINT, INK, PALETTE, VERDICT_COLOURS, style

__all__ = [
    "FAINT",
    "INK",
    "PALETTE",
    "VERDICT_COLOURS",
    "Box",
    "Unit",
    "effects",
    "ends",
    "per_layer",
    "style",
    "units",
]
