"""A picture task that needs no download: printed digits, bent by five known motions.

Ten digits in several typefaces are turned, sheared, scaled and shifted. So the pictures of a
digit in a typeface lie on a five-dimensional manifold in the space of pixels, plus noise.
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

FACES = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono-Bold", "STIXGeneral", "cmtt10")
SIDE = 16
MOTIONS = 5


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


def glyphs(count: int, *, seed: int, noise: float = 0.15) -> tuple[torch.Tensor, torch.Tensor]:
    """Random pictures and their digits.

    Args:
        count: how many.
        seed: of faces, digits, motions and noise.
        noise: standard deviation of the noise of a pixel; the digit's contrast is 1.

    Returns:
        pictures ``(count, 1, 16, 16)`` and labels ``(count,)`` from 0 to 9.
    """
    if count < 1:
        raise ValueError(f"count must be positive, not {count}")
    random = torch.Generator().manual_seed(seed)
    face = torch.randint(len(FACES), (count,), generator=random)
    label = torch.randint(10, (count,), generator=random)
    motion = 2 * torch.rand(count, MOTIONS, generator=random) - 1
    grid = F.affine_grid(_matrix(motion), [count, 1, SIDE, SIDE], align_corners=False)
    picture = F.grid_sample(templates()[face, label][:, None], grid, align_corners=False)
    return picture + noise * torch.randn(picture.shape, generator=random), label


def _matrix(motion: torch.Tensor) -> torch.Tensor:
    """Affine maps of the picture plane from motions in [-1, 1], shape ``(count, 2, 3)``."""
    turn, shear = motion[:, 0] * math.pi / 7, 0.35 * motion[:, 1]
    scale = 1.0 + 0.25 * motion[:, 2]
    cos, sin = scale * turn.cos(), scale * turn.sin()
    row1 = torch.stack([cos, shear * cos - sin, 0.25 * motion[:, 3]], 1)
    row2 = torch.stack([sin, shear * sin + cos, 0.25 * motion[:, 4]], 1)
    return torch.stack([row1, row2], 1)
