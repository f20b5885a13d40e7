"""A network with one thing changed: shuffles taken out, groups opened, normalisation folded.

Each function returns a changed copy and leaves its argument as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lwsurvey.models.blocks import ChannelShuffle
from lwsurvey.shuffle.permutation import Permutation


def replaced(module: nn.Module, kind: type, make: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """A copy in which every part of a kind is what ``make`` makes of it."""
    if isinstance(module, kind):
        return make(copy.deepcopy(module))
    module = copy.deepcopy(module)
    for name, part in list(module.named_modules()):
        if isinstance(part, kind):
            module.set_submodule(name, make(part))
    return module


def unshuffled(module: nn.Module) -> nn.Module:
    """Without its `ChannelShuffle` parts; weights are kept."""
    return replaced(module, ChannelShuffle, lambda part: nn.Identity())


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

    return replaced(module, nn.Conv2d, opened)


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


def folded(module: nn.Module) -> nn.Module:
    """In evaluation mode, each normalisation folded into the convolution that stands before it.

    A network is deployed like this. The parts must run in the order of their registration.
    """
    module = copy.deepcopy(module).eval()
    parts = [(n, p) for n, p in module.named_modules() if not list(p.children())]
    for (name, part), (norm_name, norm) in pairwise(parts):
        if isinstance(part, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            module.set_submodule(name, fuse_conv_bn_eval(part, norm))
            module.set_submodule(norm_name, nn.Identity())
    return module
