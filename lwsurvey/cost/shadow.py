"""A twin of a module to run in its stead, so that counting leaves the module as it was."""

from __future__ import annotations

import copy
import functools
import weakref
from collections import OrderedDict, defaultdict, deque
from types import MethodType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

LARGE = 2**20  # elements; a larger plain tensor attribute is not copied but replaced
_OWN = {"_parameters", "_buffers", "_modules", "training"}
_CONTAINERS = {list, dict, OrderedDict, defaultdict, deque, set, SimpleNamespace}
_HOOKS = {name for name, value in vars(nn.Module()).items() if type(value) is OrderedDict}
_PLAIN = {bool, int, float, complex, str, bytes, type(None), type, torch.dtype, torch.Size}


class Shadow:
    """Twins of a module and of all that it contains, in evaluation mode.

    The twins have the classes and attributes of the originals, but their own parameters,
    buffers and dictionaries: what a forward pass stores or overwrites stays with them.

    Args:
        module: not changed.
        device: of the twins' parameters and buffers; ``meta`` needs no memory. On another
            device parameters and buffers are copies.

    Attributes:
        module: the twin of the module.
        names: twin of each submodule to its dotted path; a shared one has its first path.
        parameters: id of each twin parameter to its number of elements.
        fixed: ids of the twins' parameters and buffers.
        tensors: id of each original parameter or buffer to its twin, where it is another.
    """

    def __init__(self, module: nn.Module, device: str | torch.device = "meta") -> None:
        self.device = torch.device(device)
        self._twins: dict[int, Any] = {}
        self._kept: list[Any] = []  # what is known by id must stay alive
        self.parameters: dict[int, int] = {}
        self.fixed: set[int] = set()
        self.tensors: dict[int, Tensor] = {}
        named = dict(module.named_modules())
        for part in named.values():  # before attributes that may refer to them
            for tensor in part._parameters.values():
                self._parameter(tensor)
            for tensor in part._buffers.values():
                self._buffer(tensor)
        self.module = self._module(module)
        self.names = {self._twins[id(part)]: name for name, part in named.items()}

    def _module(self, module: nn.Module) -> nn.Module:
        if (known := self._twins.get(id(module))) is not None:
            return known
        if isinstance(getattr(module, "_orig_mod", None), nn.Module):  # torch.compile's wrapper
            twin = self._twins[id(module)] = self._module(module._orig_mod)
            return twin
        twin = object.__new__(type(module))
        self._twins[id(module)] = twin
        self._kept.append(module)
        attributes = vars(module).copy()
        twin.__dict__ = attributes
        attributes["training"], attributes["_compiled_call_impl"] = False, None
        attributes["_parameters"] = {k: self._parameter(p) for k, p in module._parameters.items()}
        attributes["_buffers"] = {k: self._buffer(b) for k, b in module._buffers.items()}
        attributes["_modules"] = {
            k: None if child is None else self._module(child)
            for k, child in module._modules.items()
        }
        for name, value in attributes.items():
            # Empty hook dictionaries, of which there are many, are not copied.
            if type(value) in _PLAIN or name in _OWN or (name in _HOOKS and not value):
                continue
            attributes[name] = self._value(value)
        return twin

    def _parameter(self, tensor: Tensor | None) -> Tensor | None:
        return self._held(tensor, self.parameters)

    def _buffer(self, tensor: Tensor | None) -> Tensor | None:
        return self._held(tensor, None)

    def _held(self, tensor: Tensor | None, sizes: dict[int, int] | None) -> Tensor | None:
        if tensor is None or (known := self._twins.get(id(tensor))) is not None:
            return None if tensor is None else known
        known = tensor
        if not (tensor.is_meta and self.device.type == "meta"):
            known = tensor.detach().to(self.device, copy=True)
            if sizes is not None:
                known = nn.Parameter(known, requires_grad=False)
            self.tensors[id(tensor)] = known
        self._twins[id(tensor)] = known
        self._kept.append(tensor)
        self.fixed.add(id(known))
        if sizes is not None:
            sizes[id(known)] = tensor.numel()
        return known

    def _value(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return value
        if (known := self._twins.get(id(value))) is not None:
            return known
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, nn.Module):
            return self._module(value)
        if type(value) is tuple:
            return tuple(self._value(item) for item in value)
        if type(value) in _CONTAINERS:
            return self._container(value)
        return self._reference(value)

    def _reference(self, value: Any) -> Any:
        if type(value) is weakref.ref and isinstance(value(), nn.Module):
            return weakref.ref(self._module(value()))
        if isinstance(value, MethodType) and isinstance(value.__self__, nn.Module):
            return MethodType(value.__func__, self._module(value.__self__))
        if type(value) is functools.partial:
            named = {key: self._value(item) for key, item in value.keywords.items()}
            return functools.partial(
                self._value(value.func), *map(self._value, value.args), **named
            )
        return value

    def _container(self, value: Any) -> Any:
        """A copy of what holds other values; the same copy wherever the same container is."""
        twin = copy.copy(value)
        self._twins[id(value)] = twin
        self._kept.append(value)
        if isinstance(value, dict):
            twin.update({key: self._value(item) for key, item in value.items()})
        elif isinstance(value, SimpleNamespace):
            vars(twin).update({key: self._value(item) for key, item in vars(value).items()})
        else:
            twin.clear()
            (twin.update if type(value) is set else twin.extend)(map(self._value, value))
        return twin

    def _tensor(self, tensor: Tensor) -> Tensor:
        if (known := self._twins.get(id(tensor))) is not None:
            return known
        if tensor.is_meta or tensor.numel() > LARGE:
            return torch.empty_like(tensor, device=self.device)
        return tensor.detach().clone()
