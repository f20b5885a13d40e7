"""Fashion-MNIST as tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lwsurvey.data import files
from lwsurvey.data.images import Images, Split

CLASSES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
"""What the classes 0 to 9 are."""

MEAN, STD = 0.2862, 0.3535
"""Of the pixels of the subset's 9,000 training images, black 0 and white 1; for the full set
too, so that a network means the same on both."""

VALIDATION = 10
"""One in so many training images of each class is for validation."""


def fashion_mnist(
    full: bool = False, folder: str | Path | None = None, download: bool = False
) -> Split:
    """Fashion-MNIST: grey images of 28 x 28 in 10 classes, all classes equally often.

    The subset of the repository has the first 1,000 training and the first 200 test images of
    each class. In both sets the last tenth of each class's training images is for validation:
    9,000, 1,000 and 2,000 images in the subset, 54,000, 6,000 and 10,000 in the full set.
    Files are checked before use; a second call gives the same tensors again.

    Args:
        full: the full set instead of the subset.
        folder: where the full set's four files are; looked for if not given: in the folder
            that the environment variable ``LWSURVEY_DATA`` names, or where Debian's package
            dataset-fashion-mnist or an earlier download put them.
        download: fetch the full set through torchvision if it is nowhere.

    Raises:
        DataError: files that are missing or damaged, with what to do.
        ValueError: a folder or a download without ``full``.
    """
    if full:
        return _load(files.full(Path(folder) if folder else None, download), files.read_full)
    if folder is not None or download:
        raise ValueError("folder and download are for the full set: add full=True")
    return _load(files.subset(), files.read_subset)


def portion(train: int, test: int, validation: int | None = None) -> Split:
    """A class-balanced part: of the repository's subset as far as that goes.

    What asks for more is taken from the full set, which is fetched if it is nowhere.

    Args:
        train: training images.
        test: test images.
        validation: validation images; as many as ``test`` if not given.

    Raises:
        DataError: the full set is needed, and cannot be fetched or is damaged.
        ValueError: as `Images.take`.
    """
    subset = fashion_mnist()
    wanted = train, test if validation is None else validation, test
    there = subset.train, subset.validation, subset.test
    if any(n > len(part) for n, part in zip(wanted, there, strict=True)):
        return fashion_mnist(full=True, download=True).take(train, test, validation)
    return subset.take(train, test, validation)


@lru_cache(maxsize=2)
def _load(folder: Path, read: Callable[[Path, str], bytes]) -> Split:
    (x, y), test = (
        [files.parse_idx(read(folder, name)) for name in files.names(part)] for part in files.PARTS
    )
    last = _last_of_each(y)
    return Split(_images(x[~last], y[~last]), _images(x[last], y[last]), _images(*test))


def _last_of_each(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """True for the last tenth of each class."""
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        chosen[places[len(places) - len(places) // VALIDATION :]] = True
    return chosen


def _images(pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Images:
    x = torch.from_numpy(pixels.astype(np.float32)).unsqueeze(1)
    return Images(x.div_(255).sub_(MEAN).div_(STD), torch.from_numpy(labels.astype(np.int64)))
