"""How units are built, found out on the built networks: what follows what, what bypasses what."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

IMAGE = (1, 3, 224, 224)


def entering(net: nn.Module, kind: type) -> list[tuple[nn.Module, Tensor]]:
    """Every part of a kind, in the order in which they run, with a random map that enters it.

    The maps have the shapes that a 224 x 224 image gives.
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


def after(branch: nn.Module, kernel: str) -> list[str]:
    """What stands between the first convolution with a kernel and the next convolution."""
    parts = sequence(branch)
    rest = parts[parts.index(kernel) + 1 :]
    return rest[: next((i for i, part in enumerate(rest) if part[0].isdigit()), len(rest))]


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


@torch.inference_mode()
def pools_and_concatenates(unit: nn.Module, x: Tensor) -> tuple[bool, bool]:
    """Is the shortcut the 3 x 3 average pool, and does the branch stand beside it?

    Args:
        unit: of stride 2, with a ReLU at its end.
        x: a map that fits, shape ``(1, N, H, W)``.
    """
    out, N = bypass(unit, x), x.shape[1]
    pooled = F.avg_pool2d(x, 3, 2, padding=1).relu()
    free = out.shape[1] > N and not out[:, N:].any()
    return torch.allclose(out[:, :N], pooled, atol=1e-6), bool(free)


def shortcuts_at_unequal_shapes(net: nn.Module, kind: type) -> int:
    """How many of the units whose output has another shape than their input have a shortcut."""
    outputs = [(bypass(unit, x), x) for unit, x in entering(net, kind)]
    return sum(bool(out.any()) for out, x in outputs if out.shape != x.shape)
