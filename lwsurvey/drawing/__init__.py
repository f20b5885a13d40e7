"""Pictures that several chapters share: block diagrams, intervals, and costs by layer."""

from lwsurvey.drawing.blocks import Box, Unit
from lwsurvey.drawing.diagram import units
from lwsurvey.drawing.intervals import effects, ends
from lwsurvey.drawing.layers import per_layer

__all__ = ["Box", "Unit", "effects", "ends", "per_layer", "units"]
