"""Figures that several chapters share, and the book's one figure style."""

from lwsurvey.figures.diagram import Box, Unit, units
from lwsurvey.figures.estimates import effects, ends, intervals, lines, log_ticks, names, ratios
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
    "intervals",
    "lines",
    "log_ticks",
    "names",
    "per_layer",
    "ratios",
    "style",
    "units",
]
