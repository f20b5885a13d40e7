"""A network with one thing changed: shuffles taken out or random, groups opened, ReLUs open.

Each function returns a changed copy and leaves its argument as it is.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from lwsurvey.chapters.shufflenet_v1.permutation import Permutation
from lwsurvey.models.blocks import ChannelShuffle
from lwsurvey.models.editing import replace


def unshuffled(module: nn.Module) -> nn.Module:
    """Without its `ChannelShuffle` parts; weights are kept."""
    return replace(module, ChannelShuffle, lambda part: nn.Identity())


def reordered(module: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """With a random permutation, drawn once each from torch's generator, for each shuffle.

    Args:
        module: a network with `ChannelShuffle` parts.
        shape: of an input, so that the numbers of channels can be read off a forward pass.
    """
    channels: dict[nn.Module, int] = {}
    hooks = [
        part.register_forward_pre_hook(lambda p, x: channels.update({p: x[0].shape[1]}))
        for part in module.modules()
        if isinstance(part, ChannelShuffle)
    ]
    training = module.training
    with torch.no_grad():
        module.eval()(torch.zeros(shape))
    module.train(training)
    for hook in hooks:
        hook.remove()
    orders = {part: torch.randperm(n).tolist() for part, n in channels.items()}
    return _reordered(module, orders)


def _reordered(module: nn.Module, orders: dict[nn.Module, list[int]]) -> nn.Module:
    by_name = {name: orders[p] for name, p in module.named_modules() if p in orders}
    module = copy.deepcopy(module)
    for name, order in by_name.items():
        module.set_submodule(name, Permutation(order))
    return module


def regrouped(module: nn.Module, groups: int = 1) -> nn.Module:
    """With another number of groups in its grouped 1 x 1 convolutions, new weights, equal widths.

    Convolutions with one group stay as they are.

    Raises:
        ValueError: ``groups`` does not divide the channels of one of them.
    """

    def opened(part: nn.Conv2d) -> nn.Conv2d:
        if part.kernel_size != (1, 1) or part.groups == 1:
            return part
        bias = part.bias is not None
        return nn.Conv2d(
            part.in_channels, part.out_channels, 1, part.stride, groups=groups, bias=bias
        )

    return replace(module, nn.Conv2d, opened)


def saturated(module: nn.Module) -> nn.Module:
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
