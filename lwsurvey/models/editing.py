"""A network with parts replaced, with normalisation folded, or with another's weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def replaced(module: nn.Module, kind: type, make: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """A copy in which every part of a kind is what ``make`` makes of it."""
    if isinstance(module, kind):
        return make(copy.deepcopy(module))
    module = copy.deepcopy(module)
    for name, part in list(module.named_modules()):
        if isinstance(part, kind):
            module.set_submodule(name, make(part))
    return module


def folded(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode, each normalisation folded into the convolution before it.

    A network is deployed like this. The parts must run in the order of their registration.
    """
    module = copy.deepcopy(module).eval()
    parts = [(n, p) for n, p in module.named_modules() if not list(p.children())]
    for (name, part), (norm_name, norm) in pairwise(parts):
        if isinstance(part, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            module.set_submodule(name, fuse_conv_bn_eval(part, norm))
            module.set_submodule(norm_name, nn.Identity())
    return module


def copied(source: nn.Module, target: nn.Module) -> nn.Module:
    """``target``, changed, with the parameters and buffers of ``source``, in their order.

    Raises:
        ValueError: one of them has more tensors than the other.
        RuntimeError: shapes that differ.
    """
    pairs = zip(target.state_dict(), source.state_dict().values(), strict=True)
    target.load_state_dict(dict(pairs))
    return target
