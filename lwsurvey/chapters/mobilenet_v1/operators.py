"""Which operators a network runs, in order: what follows a convolution, what is added."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

IMAGE = (1, 3, 224, 224)
RECTIFIERS = {"relu", "hardtanh"}
"""ReLU, and ReLU6, which PyTorch computes as a clamp."""


class Operator(NamedTuple):
    """A call of an ATen operator: its name without a trailing ``_``, and its tensors' shapes."""

    name: str
    shapes: list[tuple[int, ...]]


class _Listener(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Operator] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None):
        shapes = [tuple(a.shape) for a in args if isinstance(a, Tensor)]
        self.heard.append(Operator(func.overloadpacket.__name__.rstrip("_"), shapes))
        return func(*args, **(kwargs or {}))


def operators(network: nn.Module, shape: tuple[int, ...] = IMAGE) -> list[Operator]:
    """The operators of one forward pass in evaluation mode.

    Args:
        network: on the ``meta`` device, in evaluation mode.
        shape: of the input.
    """
    with torch.no_grad(), _Listener() as listener:
        network(torch.empty(shape, device="meta"))
    return [op for op in listener.heard if op.name != "empty"]


def additions(network: nn.Module) -> int:
    """How often two maps of activations are added."""
    return sum(
        op.name == "add" and [len(shape) for shape in op.shapes] == [4, 4]
        for op in operators(network)
    )


def relu_follows(network: nn.Module) -> list[bool]:
    """For each convolution, in order: are the next two operators normalisation and ReLU?"""
    names = [*(op.name for op in operators(network)), "end", "end"]
    places = [i for i, name in enumerate(names) if name == "convolution"]
    return ["batch_norm" in names[i + 1] and names[i + 2] in RECTIFIERS for i in places]
