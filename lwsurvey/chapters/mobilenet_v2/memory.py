"""What must be in memory: feature maps between blocks, and blocks that are computed in slices."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from itertools import pairwise

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, relu6

from lwsurvey import cost
from lwsurvey.models.blocks import InvertedResidual
from lwsurvey.models.editing import IMAGE, fold_norms, replace
from lwsurvey.printed_tables import traces


class Sliced(nn.Module):
    """An inverted residual that never holds all of its expanded channels (the paper's 5.1).

    Each output is the block's in evaluation mode, but for rounding, with the same MACs.

    Args:
        block: with ReLU6, and without squeeze-and-excitation.
        slices: number of slices; at most that of the expanded channels.

    Raises:
        ValueError: too many slices, or none.
    """

    def __init__(self, block: InvertedResidual, slices: int) -> None:
        super().__init__()
        hidden = block.project[0].in_channels
        if not 1 <= slices <= hidden:
            raise ValueError(f"{hidden} channels cannot be cut into {slices} slices")
        self.block = fold_norms(block)
        ends = [hidden * i // slices for i in range(slices + 1)]
        self.slices = [slice(*pair) for pair in pairwise(ends)]

    def forward(self, x: Tensor) -> Tensor:
        E, D, P = self.block.expand, self.block.depthwise[0], self.block.project[0]
        out = P.bias[:, None, None]
        for A in self.slices:  # each of shape (batch, channels of A, H, W)
            e = relu6(conv2d(x, E[0].weight[A], E[0].bias[A])) if len(E) else x[:, A]
            d = conv2d(e, D.weight[A], D.bias[A], D.stride, D.padding, groups=e.shape[1])
            out = out + conv2d(relu6(d), P.weight[:, A])
        return x + out if self.block.shortcut else out


def slice_blocks(net: nn.Module, slices: int) -> nn.Module:
    """A copy of a network in which each inverted residual is `Sliced`."""
    return replace(net, InvertedResidual, lambda block: Sliced(block, slices))


def peaks(net: nn.Module, slices: Iterable[int]) -> dict[int, int]:
    """Peak of the activations of one image of 224 x 224, in elements, by number of slices."""
    # On the meta device nothing is drawn or copied; a count needs no values.
    net = copy.deepcopy(net).to("meta")
    with torch.device("meta"):
        return {n: cost.profile(slice_blocks(net, n), IMAGE).peak_activations for n in slices}


def widest_maps(net: nn.Module, parts: Iterable[nn.Module]) -> pd.Series:
    """Channels of the widest feature map that a network hands from part to part.

    Args:
        net: for images of 224 x 224.
        parts: stem and blocks, for instance; what lies inside them does not count.

    Returns:
        Indexed by ``side`` of the feature map, largest first.
    """
    calls, names = traces.trace(net.eval(), IMAGE[-1]).calls, {p: n for n, p in net.named_modules()}
    shapes = [shape for part in parts for _, shape in calls[names[part]]]
    channels = pd.Series([shape[1] for shape in shapes], [traces.rows_of(s) for s in shapes])
    return channels.groupby(level=0).max().sort_index(ascending=False).rename_axis("side")
