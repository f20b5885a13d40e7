"""Training by one recipe, over several seeds, on one core or many."""

from lwsurvey.train.device import TrainError, TrainMemoryError
from lwsurvey.train.differences import difference, format_interval, means, summary
from lwsurvey.train.fitting import Fit, accuracy, fit
from lwsurvey.train.recipe import Recipe
from lwsurvey.train.study import repeat

__all__ = [
    "Fit", "Recipe", "TrainError", "TrainMemoryError", "accuracy", "difference", "fit",
    "format_interval", "means", "repeat", "summary",
]  # fmt: skip
