"""What the published code of NetAdapt measures before it begins."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from lwsurvey import cost

CONVOLUTION, LINEAR = 8, 64
"""Steps of the published code's table, in channels and in features."""

FACTS = ("kind", "N", "M", "K_h", "K_w", "G", "stride", "H", "W")


def published_entries(network: nn.Module, shape: Sequence[int]) -> int:
    """Entries of the published code's look-up table: the full grid of widths of each layer.

    Every distinct convolution and linear layer is timed alone, without normalisation and
    activation, for each pair of input and output widths in steps of 8 channels or 64 features;
    a depthwise layer has one width, and what is narrower than a step, such as the channels of
    the image, is not varied.

    Args:
        network: convolutions are depthwise or have one group.
        shape: of the images, ``(batch, channels, H, W)``.
    """
    layers = cost.by_layer(network, tuple(shape)).drop_duplicates(list(FACTS))
    return sum(_entries(layer.kind, layer.N, layer.M, layer.G) for layer in layers.itertuples())


def _entries(kind: str, N: int, M: int, G: int) -> int:
    step = LINEAR if kind == "Linear" else CONVOLUTION
    inputs, outputs = max(1, N // step), max(1, M // step)
    return outputs if G == N > 1 else inputs * outputs
