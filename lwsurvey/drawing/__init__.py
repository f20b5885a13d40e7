"""Pictures that several chapters share: block diagrams, intervals, and costs by layer."""

from lwsurvey.drawing.blocks import Box, Unit
from lwsurvey.drawing.diagram import units
from lwsurvey.drawing.intervals import arms, effects
from lwsurvey.drawing.layers import per_layer

__all__ = ["Box", "Unit", "arms", "effects", "per_layer", "units"]
