"""How units are built, found out on the built networks: what follows what, what bypasses what."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lwsurvey.models.editing import bypass, layer_names, unit_inputs


def after(branch: nn.Module, kernel: str) -> list[str]:
    """What stands between the first convolution with a kernel and the next convolution."""
    parts = layer_names(branch)
    rest = parts[parts.index(kernel) + 1 :]
    return rest[: next((i for i, part in enumerate(rest) if part[0].isdigit()), len(rest))]


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
    outputs = [(bypass(unit, x), x) for unit, x in unit_inputs(net, kind)]
    return sum(bool(out.any()) for out, x in outputs if out.shape != x.shape)
