"""How units are built, found out on the built network: what enters, what follows, what bypasses."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

IMAGE = (1, 3, 224, 224)


def entering(net: nn.Module, kind: type) -> list[tuple[nn.Module, Tensor]]:
    """Every part of a kind, in the order in which they run, with a random map that enters it.

    The maps have the shapes that a 224 x 224 image gives; the network is put into evaluation
    mode.
    """
    shapes: list[tuple[nn.Module, torch.Size]] = []
    hooks = [
        part.register_forward_pre_hook(lambda p, x: shapes.append((p, x[0].shape)))
        for part in net.modules()
        if isinstance(part, kind)
    ]
    with torch.inference_mode():
        net.eval()(torch.zeros(IMAGE))
    for hook in hooks:
        hook.remove()
    generator = torch.Generator().manual_seed(0)
    return [(part, torch.randn(shape, generator=generator)) for part, shape in shapes]


def sequence(branch: nn.Module) -> list[str]:
    """The parts of a branch in order, such as "1x1", "ReLU", "3x3"; no normalisation."""
    return [name for part in branch.modules() if (name := _name(part))]


def _name(part: nn.Module) -> str:
    if isinstance(part, nn.Conv2d):
        return "x".join(map(str, part.kernel_size))
    silent = isinstance(part, nn.Sequential | nn.BatchNorm2d | nn.Identity) or list(part.children())
    return "" if silent else type(part).__name__


@torch.inference_mode()
def bypass(unit: nn.Module, x: Tensor) -> Tensor:
    """What a unit puts out when its last normalisation gives nothing: its shortcut alone.

    Args:
        unit: with a batch normalisation after its last convolution.
        x: a map that fits, shape ``(1, N, H, W)``.
    """
    unit = copy.deepcopy(unit).eval()
    last = [part for part in unit.modules() if isinstance(part, nn.BatchNorm2d)][-1]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return unit(x)
