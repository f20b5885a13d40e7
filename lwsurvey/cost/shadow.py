"""A twin of a module to run in its stead, so that counting leaves the module as it was."""

from __future__ import annotations

import copy
from collections import OrderedDict, defaultdict, deque
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

LARGE = 2**20  # elements; a larger plain tensor attribute is not copied but replaced
_OWN = {"_parameters", "_buffers", "_modules", "training"}
_COPIED = {OrderedDict, defaultdict, deque, set}  # the many empty ones are hooks of nobody
_PLAIN = {bool, int, float, complex, str, bytes, type(None), type, torch.dtype, torch.Size}


class Shadow:
    """Twins of a module and of all that it contains, in evaluation mode.

    The twins have the classes and attributes of the originals, but their own parameters,
    buffers and dictionaries: what a forward pass stores or overwrites stays with them.

    Args:
        module: not changed.
        device: of the twins' parameters and buffers; ``meta`` needs no memory. On another
            device the parameters are shared with the original where they already lie there,
            and the buffers are copies.

    Attributes:
        module: the twin of the module.
        names: twin of each submodule to its dotted path; a shared one has its first path.
        parameters: id of each twin parameter to its number of elements.
        fixed: ids of the twins' parameters and buffers.
    """

    def __init__(self, module: nn.Module, device: str | torch.device = "meta") -> None:
        self.device = torch.device(device)
        self._twins: dict[int, Any] = {}
        self._kept: list[Any] = []  # what is known by id must stay alive
        self.names: dict[nn.Module, str] = {}
        self.parameters: dict[int, int] = {}
        self.fixed: set[int] = set()
        self.module = self._module(module)

    def _module(self, module: nn.Module, name: str = "") -> nn.Module:
        if (known := self._twins.get(id(module))) is not None:
            return known
        twin = object.__new__(type(module))
        self._twins[id(module)] = twin
        attributes = vars(module).copy()
        twin.__dict__ = attributes
        self.names[twin] = name
        attributes["training"] = False
        attributes["_parameters"] = {k: self._parameter(p) for k, p in module._parameters.items()}
        attributes["_buffers"] = {k: self._buffer(b) for k, b in module._buffers.items()}
        attributes["_modules"] = {
            k: None if child is None else self._module(child, f"{name}.{k}" if name else k)
            for k, child in module._modules.items()
        }
        for name, value in attributes.items():
            if type(value) not in _PLAIN and name not in _OWN:
                attributes[name] = self._value(value)
        return twin

    def _parameter(self, tensor: Tensor | None) -> Tensor | None:
        if tensor is None:
            return None
        if (known := self._twins.get(id(tensor))) is None:
            known = tensor if tensor.device == self.device else self._moved(tensor)
            self._twins[id(tensor)] = known
            self._kept.append(tensor)
            self.parameters[id(known)] = tensor.numel()
            self.fixed.add(id(known))
        return known

    def _moved(self, tensor: Tensor) -> nn.Parameter:
        return nn.Parameter(tensor.detach().to(self.device), requires_grad=False)

    def _buffer(self, tensor: Tensor | None) -> Tensor | None:
        if tensor is None:
            return None
        if (known := self._twins.get(id(tensor))) is None:
            moved = tensor.detach().to(self.device)
            known = moved if moved.is_meta else moved.clone()
            self.fixed.add(id(known))
            self._twins[id(tensor)] = known
            self._kept.append(tensor)
        return known

    def _value(self, value: Any) -> Any:
        if type(value) in _COPIED:
            return copy.copy(value) if value else value
        if isinstance(value, nn.Module):
            return self._module(value)
        if isinstance(value, Tensor):
            return self._tensor(value)
        if type(value) in (list, tuple):
            return type(value)(self._value(item) for item in value)
        if type(value) is dict:
            return {key: self._value(item) for key, item in value.items()}
        if isinstance(value, MethodType) and isinstance(value.__self__, nn.Module):
            return MethodType(value.__func__, self._module(value.__self__))
        return value

    def _tensor(self, tensor: Tensor) -> Tensor:
        if (known := self._twins.get(id(tensor))) is not None:
            return known
        if tensor.is_meta or tensor.numel() > LARGE:
            return torch.empty_like(tensor, device=self.device)
        return tensor.detach().clone()
