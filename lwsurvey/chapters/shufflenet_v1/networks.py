"""Networks to train, networks with one thing changed, and how units are built."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lwsurvey.chapters.shufflenet_v1.wiring import Permutation
from lwsurvey.models import small
from lwsurvey.models.blocks import ChannelShuffle
from lwsurvey.models.editing import bypass, layer_names, replace, unit_inputs

GROUPS = (1, 2, 3, 4, 8)
"""The groups of table 1 of the paper."""

RANDOM = 4
"""Groups of the variant with random permutations."""

MACS = 390_000
"""Of each network that is trained; every number of groups has a width within 5 % of it."""

Make = Callable[[], nn.Module]


def shufflenet(groups: int, shuffle: bool = True) -> nn.Module:
    """A small ShuffleNet V1 with about `MACS`."""
    return small.match_macs(small.shufflenet_v1, MACS, groups=groups, shuffle=shuffle)


def random_order(groups: int) -> nn.Module:
    """`shufflenet` with a random permutation, drawn once, in the place of each shuffle.

    They are drawn after the weights, which therefore are those of `shufflenet` for a seed.
    """
    return randomise(shufflenet(groups), small.INPUT)


def variants() -> dict[str, Make]:
    """What makes each network: one plan, equal MACs, wider with more groups.

    Returns:
        "g on" and "g off" for each number of groups, "g random" for `RANDOM`, and the same plan
        with MobileNetV2's unit, expansion 6. One group has nothing to shuffle, so that its two
        variants would be one network.
    """
    found: dict[str, Make] = {"1 on": partial(shufflenet, 1)}
    for g in GROUPS[1:]:
        found |= {f"{g} on": partial(shufflenet, g), f"{g} off": partial(shufflenet, g, False)}
    mobilenet = partial(small.match_macs, small.mobilenet_v2, MACS)
    return found | {f"{RANDOM} random": partial(random_order, RANDOM), "MobileNetV2": mobilenet}


# Changed copies; the argument stays as it is.


def remove_shuffles(module: nn.Module) -> nn.Module:
    """Without its `ChannelShuffle` parts; weights are kept."""
    return replace(module, ChannelShuffle, lambda part: nn.Identity())


def randomise(module: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """With a random permutation, drawn once each from torch's generator, for each shuffle.

    Args:
        module: a network with `ChannelShuffle` parts.
        shape: of an input, so that the numbers of channels can be read off a forward pass.
    """
    module = copy.deepcopy(module)
    training, channels = module.training, {}
    hooks = [
        part.register_forward_pre_hook(
            lambda part, x, name=name: channels.update({name: x[0].shape[1]})
        )
        for name, part in module.named_modules()
        if isinstance(part, ChannelShuffle)
    ]
    with torch.no_grad():
        module.eval()(torch.zeros(shape))
    for hook in hooks:
        hook.remove()
    for name, count in channels.items():
        module.set_submodule(name, Permutation(torch.randperm(count).tolist()))
    return module.train(training)


def ungroup(module: nn.Module) -> nn.Module:
    """With dense 1 x 1 convolutions in the place of grouped ones, new weights, equal widths."""

    def open_groups(part: nn.Conv2d) -> nn.Conv2d:
        if part.kernel_size != (1, 1) or part.groups == 1:
            return part
        bias = part.bias is not None
        return nn.Conv2d(part.in_channels, part.out_channels, 1, part.stride, bias=bias)

    return replace(module, nn.Conv2d, open_groups)


def saturate(module: nn.Module) -> nn.Module:
    """With positive weights and so large biases that every ReLU passes everything, in evaluation.

    Gradients then show which channels are wired to which, and not which happened to be active.
    """
    module = copy.deepcopy(module).eval().requires_grad_(False)
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            part.weight.abs_()
        if isinstance(part, nn.BatchNorm2d):
            nn.init.constant_(part.bias, 1e4)
    return module


# How units are built: what follows what, what bypasses what.


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
