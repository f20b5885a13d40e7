"""Training by one recipe, over several seeds, on one core or many."""

from lwsurvey.train.compare import difference, means, said, summary
from lwsurvey.train.errors import TrainError, TrainMemoryError
from lwsurvey.train.fitting import Fit, accuracy, fit
from lwsurvey.train.recipe import Recipe
from lwsurvey.train.study import repeat

__all__ = [
    "Fit", "Recipe", "TrainError", "TrainMemoryError", "accuracy", "difference", "fit", "means",
    "repeat", "said", "summary",
]  # fmt: skip
