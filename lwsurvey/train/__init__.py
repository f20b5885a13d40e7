"""Training by one recipe, over several seeds, on one core or many."""

from lwsurvey.train.device import TrainError, TrainMemoryError
from lwsurvey.train.differences import difference, format_interval, means, provenance, summary
from lwsurvey.train.fitting import Fit, accuracy, fit
from lwsurvey.train.recipe import Recipe
from lwsurvey.train.records import Recorded, kept, recorded
from lwsurvey.train.study import repeat

__all__ = [
    "Fit", "Recipe", "Recorded", "TrainError", "TrainMemoryError", "accuracy", "difference", "fit",
    "format_interval", "kept", "means", "provenance", "recorded", "repeat", "summary",
]  # fmt: skip
