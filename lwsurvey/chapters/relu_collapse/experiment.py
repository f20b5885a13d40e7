"""The trained part: networks learn printed digits, which need no download, and are looked into.

Ten digits in several typefaces are bent by five known motions: turned, sheared, scaled and
shifted. So the images of a digit in a typeface lie on a five-dimensional manifold in the space
of pixels, plus noise.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from lwsurvey import train
from lwsurvey.data import Images, Split
from lwsurvey.train.fitting import Make

FACES = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono-Bold", "STIXGeneral", "cmtt10")
SIDE = 16
MOTIONS = 5
TEST = 2000
"""Test images, the same for all networks."""


@lru_cache(maxsize=1)
def templates() -> torch.Tensor:
    """The digits as white on black, shape ``(faces, 10, 48, 48)``, from Matplotlib's fonts."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = [ImageFont.truetype(folder / f"{face}.ttf", 40) for face in FACES]
    return torch.stack([torch.stack([_draw(str(k), font) for k in range(10)]) for font in fonts])


def _draw(text: str, font: ImageFont.FreeTypeFont) -> torch.Tensor:
    image = Image.new("L", (48, 48))
    ImageDraw.Draw(image).text((24, 24), text, fill=255, font=font, anchor="mm")
    return torch.from_numpy(np.asarray(image, np.float32) / 255)


def glyphs(count: int, *, seed: int, noise: float = 0.15) -> Images:
    """Random images ``(count, 1, 16, 16)`` and their digits.

    Args:
        count: number of images.
        seed: seeds faces, digits, motions and noise.
        noise: standard deviation of the noise of a pixel; the digit's contrast is 1.

    Raises:
        ValueError: no image.
    """
    if count < 1:
        raise ValueError(f"count must be positive, not {count}")
    random = torch.Generator().manual_seed(seed)
    face = torch.randint(len(FACES), (count,), generator=random)
    label = torch.randint(10, (count,), generator=random)
    motion = 2 * torch.rand(count, MOTIONS, generator=random) - 1
    grid = F.affine_grid(_matrix(motion), [count, 1, SIDE, SIDE], align_corners=False)
    x = F.grid_sample(templates()[face, label][:, None], grid, align_corners=False)
    return Images(x + noise * torch.randn(x.shape, generator=random), label)


def _matrix(motion: torch.Tensor) -> torch.Tensor:
    """Affine maps of the image plane from motions in [-1, 1], shape ``(count, 2, 3)``."""
    turn, shear = motion[:, 0] * math.pi / 7, 0.35 * motion[:, 1]
    scale = 1.0 + 0.25 * motion[:, 2]
    cos, sin = scale * turn.cos(), scale * turn.sin()
    row1 = torch.stack([cos, shear * cos - sin, 0.25 * motion[:, 3]], 1)
    row2 = torch.stack([sin, shear * sin + cos, 0.25 * motion[:, 4]], 1)
    return torch.stack([row1, row2], 1)


class CyclingMomentum(train.Recipe):
    """The recipe with a momentum that falls while the learning rate rises (Smith and Topin 2017).

    The cycle is PyTorch's own: the rate rises in the first 30 % of the steps.
    """

    def optimiser(self, network: nn.Module, images: int) -> tuple[SGD, OneCycleLR]:
        """The optimiser of a network's weights, and the schedule, stepped after each step."""
        weights, decay = network.parameters(), self.weight_decay
        sgd = SGD(weights, self.lr, self.momentum, nesterov=True, weight_decay=decay)
        steps = self.epochs * (images // self.batch)
        return sgd, OneCycleLR(sgd, self.lr, total_steps=steps)


def fit(make: Make, *, seed: int, images: int, epochs: int, test: int = TEST) -> train.Fit:
    """Train a network on images of its own; same seed, same images and same order.

    Args:
        make: makes the network.
        seed: seeds the weights, the training images and their order.
        images: number of training images.
        epochs: passes over them.
        test: number of test images, which no training sees.

    Raises:
        TrainError: not one full batch.
        ValueError: no epoch, or no image.
    """
    unseen = glyphs(test, seed=1)  # nothing is chosen, so that no others are needed to validate
    split = Split(glyphs(images, seed=1000 + seed), unseen, unseen)
    options = dict(recipe=CyclingMomentum, channels_last=False)
    return train.fit(make, split, seed=seed, epochs=epochs, **options)


@torch.no_grad()
def filled_share(net: nn.Module, variance: float = 0.99, images: int = 500) -> float:
    """Share of a block output's channels that its principal components need.

    The vectors are the channels at one place of one image without noise, which is no part of
    the manifold of interest. Averaged over the blocks.

    Args:
        net: a network of `networks`.
        variance: share of the variance that the components must hold.
        images: number of images that the vectors come from.
    """
    x, shares = net.stem(glyphs(images, seed=1, noise=0).x), []
    for block in net.blocks:
        x = block(x)
        pixels = x.transpose(0, 1).flatten(1).double()
        held = torch.linalg.eigvalsh(torch.cov(pixels)).flip(0).cumsum(0)
        needed = int((held < variance * held[-1]).sum()) + 1
        shares.append(needed / pixels.shape[0])
    return sum(shares) / len(shares)
