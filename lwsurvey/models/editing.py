"""Built networks edited (parts replaced, normalisation folded, weights copied) and examined."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

IMAGE = (1, 3, 224, 224)


def replace(module: nn.Module, kind: type, make: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """A copy in which every part of a kind is what ``make`` makes of it."""
    if isinstance(module, kind):
        return make(copy.deepcopy(module))
    module = copy.deepcopy(module)
    for name, part in list(module.named_modules()):
        if isinstance(part, kind):
            module.set_submodule(name, make(part))
    return module


def fold_norms(module: nn.Module) -> nn.Module:
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


def copy_weights(source: nn.Module, target: nn.Module) -> nn.Module:
    """``target``, changed, with the parameters and buffers of ``source``, in their order.

    Raises:
        ValueError: one of them has more tensors than the other.
        RuntimeError: shapes that differ.
    """
    pairs = zip(target.state_dict(), source.state_dict().values(), strict=True)
    target.load_state_dict(dict(pairs))
    return target


def randomise_norms(net: nn.Module) -> nn.Module:
    """The network, changed: in evaluation mode, with random numbers in its normalisations.

    A fresh normalisation does nothing much, so that two networks could agree in spite of it.
    """
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            for values in (part.weight, part.bias, part.running_mean, part.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    return net.eval()


@torch.inference_mode()
def same_outputs(ours: nn.Module, theirs: nn.Module, shape: tuple[int, ...]) -> bool:
    """Whether two networks give the same outputs once ours has their weights; both are changed.

    Args:
        ours: target of the weights.
        theirs: source of the weights, once its normalisations are random.
        shape: dimensions of a random input.
    """
    theirs = randomise_norms(theirs)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return torch.allclose(copy_weights(theirs, ours).eval()(x), theirs(x), rtol=1e-4, atol=1e-4)


def unit_inputs(net: nn.Module, kind: type) -> list[tuple[nn.Module, Tensor]]:
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


def layer_names(branch: nn.Module) -> list[str]:
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
