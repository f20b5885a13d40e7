"""Three small networks with an optional nonlinearity in their slim part, and their training."""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

from lwsurvey.chapters.relu_collapse.glyphs import glyphs


def _conv(cin: int, cout: int, k: int = 1, stride: int = 1, groups: int = 1, act: bool = True):
    layers = [
        nn.Conv2d(cin, cout, k, stride, k // 2, groups=groups, bias=False),
        nn.BatchNorm2d(cout),
    ]
    return nn.Sequential(*layers, *([nn.ReLU6()] if act else []))


class Inverted(nn.Module):
    """MobileNetV2's block: expand by ``t``, filter each channel, project to ``cout``."""

    def __init__(self, cin: int, cout: int, stride: int, t: int, relu_slim: bool) -> None:
        super().__init__()
        wide = t * cin
        self.body = nn.Sequential(
            _conv(cin, wide), _conv(wide, wide, 3, stride, wide), _conv(wide, cout, act=relu_slim)
        )
        self.shortcut = stride == 1 and cin == cout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.shortcut else self.body(x)


class Bottleneck(nn.Module):
    """ResNet's block: squeeze to ``slim``, filter, widen to ``ends``; ReLU after the sum."""

    def __init__(self, ends: int, slim: int, stride: int, relu_slim: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(ends, slim, act=relu_slim),
            _conv(slim, slim, 3, stride, act=relu_slim),
            _conv(slim, ends, act=False),
        )
        self.shortcut = nn.Identity() if stride == 1 else nn.AvgPool2d(stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.shortcut(x) + self.body(x))


def inverted_net(width: int, t: int = 6, relu_slim: bool = False) -> nn.Sequential:
    """Four inverted-residual blocks whose slim ends have ``width`` channels; a linear stem."""
    strides = (1, 2, 1, 1)
    blocks = [Inverted(width, width, stride, t, relu_slim) for stride in strides]
    return _net(_conv(1, width, 3, 2, act=False), blocks, width)


def bottleneck_net(ends: int, slim: int, relu_slim: bool = True) -> nn.Sequential:
    """Four ResNet bottleneck blocks between ``ends`` channels, ``slim`` inside."""
    blocks = [Bottleneck(ends, slim, stride, relu_slim) for stride in (1, 2, 1, 1)]
    return _net(_conv(1, ends, 3, 2), blocks, ends)


def separable_net(width: int) -> nn.Sequential:
    """Four depthwise separable layers of ``width`` channels, as in MobileNetV1."""
    blocks = [
        nn.Sequential(_conv(width, width, 3, stride, width), _conv(width, width))
        for stride in (1, 2, 1, 1)
    ]
    return _net(_conv(1, width, 3, 2), blocks, width)


def _net(stem: nn.Module, blocks: list[nn.Module], width: int) -> nn.Sequential:
    head = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10))
    return nn.Sequential(OrderedDict(stem=stem, blocks=nn.Sequential(*blocks), head=head))


def train(make, *, seed: int, images: int, epochs: int, batch: int = 64) -> nn.Module:
    """Train a fresh network on pictures of its own; same seed, same pictures and same order.

    Args:
        make: a function without arguments that returns a network.
        seed: of the starting weights, the pictures and their order.
        images: training pictures.
        epochs: passes over them.
        batch: pictures a step.

    Raises:
        ValueError: not one full batch, or no epoch.
    """
    if images < batch or epochs < 1:
        raise ValueError(f"need {batch} images and an epoch, not {images} and {epochs}")
    torch.manual_seed(seed)
    net = make()
    x, label = glyphs(images, seed=1000 + seed)
    order = torch.Generator().manual_seed(seed)
    steps = epochs * (images // batch)
    sgd = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    rate = torch.optim.lr_scheduler.OneCycleLR(sgd, 0.1, total_steps=steps)
    for _ in range(epochs):
        for pick in torch.randperm(images, generator=order)[: images // batch * batch].split(batch):
            sgd.zero_grad(set_to_none=True)
            F.cross_entropy(net(x[pick]), label[pick]).backward()
            sgd.step()
            rate.step()
    return net.eval()


@torch.no_grad()
def accuracy(net: nn.Module, images: int = 2000) -> float:
    """Correct answers in per cent on pictures that no training sees."""
    x, label = glyphs(images, seed=1)
    return 100 * (net.eval()(x).argmax(1) == label).float().mean().item()


@torch.no_grad()
def filled_share(net: nn.Module, variance: float = 0.99, images: int = 500) -> float:
    """Share of a block output's channels that its principal components need.

    The vectors are the channels at one place of one picture without noise, which is no part of
    the manifold of interest. Averaged over the blocks.

    Args:
        net: one of this module.
        variance: share of the variance that the components must hold.
        images: pictures that the vectors come from.
    """
    x, shares = net.stem(glyphs(images, seed=1, noise=0)[0]), []
    for block in net.blocks:
        x = block(x)
        pixels = x.transpose(0, 1).flatten(1).double()
        held = torch.linalg.eigvalsh(torch.cov(pixels)).flip(0).cumsum(0)
        needed = int((held < variance * held[-1]).sum()) + 1
        shares.append(needed / pixels.shape[0])
    return sum(shares) / len(shares)
