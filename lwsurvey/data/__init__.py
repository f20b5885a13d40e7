"""Fashion-MNIST (Xiao et al. 2017), on which the book trains: a subset, or the full set."""

from lwsurvey.data.fashion import CLASSES, MEAN, STD, fashion_mnist, portion
from lwsurvey.data.files import DataError
from lwsurvey.data.images import Images, Split

__all__ = ["CLASSES", "MEAN", "STD", "DataError", "Images", "Split", "fashion_mnist", "portion"]
