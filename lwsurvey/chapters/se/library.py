"""Squeeze-and-Excitation in torchvision's networks: found, taken out, resized, and put in."""

from __future__ import annotations

import torch
from torch import nn
from torchvision import models
from torchvision.models import densenet, mnasnet, mobilenetv2, resnet, shufflenetv2
from torchvision.models.googlenet import Inception
from torchvision.ops import SqueezeExcitation as Theirs

from lwsurvey.models.blocks import SqueezeExcitation
from lwsurvey.models.editing import replace

BLOCKS: dict[str, type[nn.Module]] = {
    "vgg11": nn.Conv2d,
    "resnet18": resnet.BasicBlock,
    "resnext50_32x4d": resnet.Bottleneck,
    "densenet121": densenet._DenseLayer,
    "googlenet": Inception,
    "mobilenet_v2": mobilenetv2.InvertedResidual,
    "shufflenet_v2_x1_0": shufflenetv2.InvertedResidual,
    "mnasnet1_0": mnasnet._InvertedResidual,
}
"""Networks of torchvision and what counts as a block of theirs."""

UNDRAWN = {
    "vgg11": {"init_weights": False},
    "googlenet": {"init_weights": False, "aux_logits": False},
}
"""Options that save the time of drawing good weights, or leave out what only training needs."""

SIDE = 64  # of the image on which a network is tried


def blocks(net: nn.Module) -> list[Theirs]:
    """The blocks of a network of torchvision, in order."""
    return [part for part in net.modules() if isinstance(part, Theirs)]


def widths(net: nn.Module) -> list[tuple[int, int]]:
    """Channels of each block, and between its two layers."""
    return [(part.fc2.out_channels, part.fc1.out_channels) for part in blocks(net)]


def without_blocks(net: nn.Module) -> nn.Module:
    """A copy of a network of torchvision without its blocks."""
    return replace(net, Theirs, lambda part: nn.Identity())


def with_reduction(net: nn.Module, r: int) -> nn.Module:
    """A copy with another reduction, and new weights, in its blocks."""

    def resize(part: Theirs) -> Theirs:
        C = part.fc2.out_channels
        return Theirs(C, max(1, C // r), scale_activation=type(part.scale_activation))

    return replace(net, Theirs, resize)


def stand_inside(net: nn.Module) -> list[bool]:
    """For each block of a MobileNet V3: does it stand on the whole middle of its unit?

    That is: right behind a depthwise convolution of as many channels as the block has, right
    before the projection, and on at least as many channels as leave the unit.
    """
    found = []
    for unit in net.modules():
        parts = list(unit.children()) if isinstance(unit, nn.Sequential) else []
        places = [i for i, part in enumerate(parts) if isinstance(part, Theirs)]
        found += [_in_the_middle(parts, i) for i in places]
    return found


def _in_the_middle(parts: list[nn.Module], i: int) -> bool:
    if not 0 < i < len(parts) - 1:
        return False
    C, before, after = parts[i].fc2.out_channels, _last(parts[i - 1]), _last(parts[i + 1])
    depthwise = before.groups == before.in_channels == before.out_channels == C
    projects = after.kernel_size == (1, 1) and after.in_channels == C and i + 2 == len(parts)
    return depthwise and projects and after.out_channels <= C


def _last(part: nn.Module) -> nn.Conv2d:
    return [each for each in part.modules() if isinstance(each, nn.Conv2d)][-1]


def insert_blocks(net: nn.Module, kind: type[nn.Module], r: int, device: str = "cpu") -> nn.Module:
    """A network with the book's block behind each block of a kind; the network is changed.

    Args:
        net: for images of 3 channels, in evaluation mode.
        kind: what counts as a block.
        r: reduction.
        device: of the network.
    """
    channels: dict[str, int] = {}
    parts = [(name, part) for name, part in net.named_modules() if isinstance(part, kind)]
    hooks = [
        part.register_forward_hook(
            lambda _part, _x, out, name=name: channels.update({name: out.shape[1]})
        )
        for name, part in parts
    ]
    with torch.no_grad():
        net(torch.zeros(1, 3, SIDE, SIDE, device=device))
    for hook in hooks:
        hook.remove()
    for name, part in parts:
        with torch.device(device):
            added = SqueezeExcitation(channels[name], max(1, channels[name] // r))
        net.set_submodule(name, nn.Sequential(part, added))
    return net.eval()


def accepts(name: str, r: int = 16) -> bool:
    """Does a network of `BLOCKS` work with a block behind each of its own?

    It does if the output keeps its shape, and if a gradient reaches the image and the scores of
    each block.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = models.get_model(name, weights=None, **UNDRAWN.get(name, {})).eval()
        net.requires_grad_(False)
        x = torch.randn(2, 3, SIDE, SIDE, requires_grad=True)
        with torch.no_grad():
            shape = net(x).shape
        out = insert_blocks(net, BLOCKS[name], r)(x)
    out.square().sum().backward()
    added = [part for part in net.modules() if isinstance(part, SqueezeExcitation)]
    # Of the biases behind the ReLU, since with few channels all of a ReLU may be off.
    grads = [tensor.grad for tensor in (x, *(part.fc2.bias for part in added))]
    reached = all(g is not None and bool(g.isfinite().all()) and bool(g.any()) for g in grads)
    return out.shape == shape and len(added) > 1 and reached
