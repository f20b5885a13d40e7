"""Whether counting leaves a network as it was."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_PLAIN = (bool, int, float, str, tuple, type(None))


def state(module: nn.Module) -> dict[str, Any]:
    """What can be seen of a network from outside, and of PyTorch's random numbers, by name.

    Of each module: class, mode, names of its attributes, plain values among them, and all that
    is in its dictionaries (parameters, buffers, hooks) by identity and, for tensors, version.
    """
    seen = {name or "the network": _of(part) for name, part in module.named_modules()}
    return {**seen, "random numbers": torch.get_rng_state().tolist()}


def changed(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Names whose state differs, separated by semicolons; empty if all is as it was."""
    names = dict.fromkeys((*before, *after))
    return "; ".join(name for name in names if before.get(name) != after.get(name))


def _of(module: nn.Module) -> dict[str, Any]:
    return {
        name: {key: _identity(item) for key, item in value.items()}
        if isinstance(value, dict)
        else value
        if isinstance(value, _PLAIN)
        else _identity(value)
        for name, value in vars(module).items()
    }


def _identity(value: Any) -> tuple:
    if isinstance(value, torch.Tensor):
        return id(value), value._version, value.device, value.requires_grad
    return (id(value),)
