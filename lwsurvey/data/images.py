"""Images with their classes, and the three parts that an experiment needs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Images:
    """Images and classes; shared by all who load them, so do not change them in place.

    Attributes:
        x: float32, shape ``(n, channels, H, W)``, normalised.
        y: int64, shape ``(n,)``, from 0.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    @property
    def classes(self) -> int:
        """How many classes there are, if the last of them occurs."""
        return int(self.y.max()) + 1

    def to(self, device: str | torch.device) -> Images:
        """The same images on another device."""
        return Images(self.x.to(device), self.y.to(device))

    def take(self, n: int) -> Images:
        """The first ``n / classes`` images of each class, in the same order.

        Raises:
            ValueError: the classes do not divide ``n``, or one has too few images.
        """
        each, rest = divmod(n, self.classes)
        places = [torch.nonzero(self.y == label)[:each, 0] for label in range(self.classes)]
        short = min(len(place) for place in places)
        if rest or each < 1 or short < each:
            raise ValueError(
                f"cannot take {n} images: it must be a multiple of {self.classes} classes and at "
                f"most {self.classes * int(torch.bincount(self.y).min())}"
            )
        chosen = torch.cat(places).sort().values
        return Images(self.x[chosen], self.y[chosen])


@dataclass(frozen=True, eq=False)
class Split:
    """The parts of a data set.

    Attributes:
        train: what the weights are fitted to.
        validation: what choices are made on; taken from the training images.
        test: what is reported, once; nothing is chosen on it.
    """

    train: Images
    validation: Images
    test: Images

    def take(self, train: int, test: int, validation: int | None = None) -> Split:
        """A smaller split, all parts class-balanced.

        Args:
            train: training images.
            test: test images.
            validation: validation images; as many as ``test`` if not given.

        Raises:
            ValueError: as `Images.take`.
        """
        few = self.validation.take(test if validation is None else validation)
        return Split(self.train.take(train), few, self.test.take(test))
