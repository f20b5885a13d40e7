"""How much of a block's input an affine map can still read behind the expansion and ReLU6."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lwsurvey.chapters.mobilenet_v2.networks import Chain
from lwsurvey.data import Images


@torch.no_grad()
def inputs_and_features(net: Chain, images: Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each expansion what enters and what leaves it, a row for each pixel.

    Args:
        net: in evaluation mode.
        images: shape ``(n, 1, 28, 28)``.

    Returns:
        pairs of shapes ``(pixels, N)`` and ``(pixels, t N)``, in float64.
    """
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    layers = [layer for layer in net.layers[1:] if layer.convolution.kernel_size == (1, 1)]
    wide = [layer for layer in layers if not isinstance(layer.activation, torch.nn.Identity)]
    hooks = [
        layer.register_forward_hook(lambda _, x, y: seen.append((_pixels(x[0]), _pixels(y))))
        for layer in wide
    ]
    net.eval()(images)
    for hook in hooks:
        hook.remove()
    return seen


def share_read(net: Chain, fitted: Images, held_out: Images) -> float:
    """R^2 of the best affine readout of the input from the features, mean over the blocks.

    The readout is fitted by least squares on one set of images and judged on another: 1 minus
    the squared error over the variance, all channels together.
    """
    pairs = [inputs_and_features(net, part.x) for part in (fitted, held_out)]
    return float(np.mean([_share(*fit, *test) for fit, test in zip(*pairs, strict=True)]))


def _share(x: np.ndarray, y: np.ndarray, x_new: np.ndarray, y_new: np.ndarray) -> float:
    weights, *_ = np.linalg.lstsq(_affine(y), x, rcond=None)
    error = np.square(_affine(y_new) @ weights - x_new).sum()
    return 1 - error / np.square(x_new - x_new.mean(0)).sum()


def _affine(y: np.ndarray) -> np.ndarray:
    return np.hstack([y, np.ones((len(y), 1))])


def _pixels(maps: Tensor) -> np.ndarray:
    return maps.movedim(1, -1).flatten(0, 2).double().cpu().numpy()
