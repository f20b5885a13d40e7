"""What two networks have in common, weight for weight."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lwsurvey.chapters.mobilenet_v1.nets import pairs


def common(a: nn.Module, b: nn.Module) -> int:
    """How many weights of convolutions and classifier two networks share, value for value.

    Two weight tensors are the same if one network has one that equals the other's.
    """
    theirs = [p for p in b.parameters() if p.dim() > 1]
    mine = [p for p in a.parameters() if p.dim() > 1]
    return sum(p.numel() for p in mine if any(_same(p, q) for q in theirs))


def _same(p: Tensor, q: Tensor) -> bool:
    return p.shape == q.shape and torch.equal(p, q)


def turned(a: nn.Module, b: nn.Module) -> list[float]:
    """Median cosine between the depthwise kernels of two networks, block by block.

    1: they point in the same direction; 0: as far apart as random ones are on average.
    """
    kernels = [
        [pair.depthwise.weight.detach().cpu().flatten(1) for pair in pairs(net)] for net in (a, b)
    ]
    cosines = [torch.cosine_similarity(p, q) for p, q in zip(*kernels, strict=True)]
    return [float(cosine.median()) for cosine in cosines]
