"""What a trained network's blocks attend to: their scores, by class of image."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from lwsurvey.data import Images
from lwsurvey.data.fashion import CLASSES
from lwsurvey.models.blocks import SqueezeExcitation

AT_ONCE = 2000
"""Images that pass at the same time; ten thousand may be too many for the memory of a GPU."""


@torch.no_grad()
def scores(net: nn.Module, images: Images) -> list[NDArray[np.float32]]:
    """The scores of each block for each image, in order of execution.

    Args:
        net: with `SqueezeExcitation` parts.
        images: on the same device.

    Returns:
        For each block an array of shape ``(images, C)``.
    """
    found: list[NDArray[np.float32]] = []

    def note(block: SqueezeExcitation, inputs: tuple) -> None:
        found.append(block.scores(inputs[0]).flatten(1).cpu().numpy())

    parts = [part for part in net.modules() if isinstance(part, SqueezeExcitation)]
    hooks = [part.register_forward_pre_hook(note) for part in parts]
    portions = images.x.split(AT_ONCE)
    for x in portions:
        net.eval()(x)
    for hook in hooks:
        hook.remove()
    each = len(found) // len(portions)
    return [np.concatenate(found[place::each]) for place in range(each)]


def by_class(score: NDArray[np.float32], images: Images) -> pd.DataFrame:
    """Mean score of each channel over the images of each class, a row a class.

    The channels are in the order of the class for which they score highest.
    """
    frame = pd.DataFrame(score).groupby(images.y.cpu().numpy()).mean()
    frame.index = [CLASSES[i] for i in frame.index]
    first = frame.to_numpy().argmax(axis=0)
    return frame[np.argsort(first, kind="stable")]


def told_apart(score: NDArray[np.float32], images: Images) -> float:
    """Share of the scores' variance over images that lies between classes, in per cent.

    Variances are summed over the channels first, so that channels whose scores hardly move
    count for little. 0: the block does the same for all classes, on average.
    """
    frame = pd.DataFrame(score)
    groups = frame.groupby(images.y.cpu().numpy())
    between = (groups.transform("mean") - frame.mean()).pow(2).sum().sum()
    total = (frame - frame.mean()).pow(2).sum().sum()
    return float(100 * between / total) if total > 0 else 0.0


def table(found: list[NDArray[np.float32]], images: Images) -> pd.DataFrame:
    """A row a block: its channels, mean score, spread over images, and share between classes."""
    rows = [
        {
            "block": place,
            "channels": score.shape[1],
            "mean score": float(score.mean()),
            "spread over images": float(score.std(axis=0).mean()),
            "between classes, %": told_apart(score, images),
        }
        for place, score in enumerate(found, start=1)
    ]
    return pd.DataFrame(rows).set_index("block")
