"""What a module does in one forward pass: every operator that PyTorch dispatches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from lwsurvey.cost.operators import kind, product_macs
from lwsurvey.cost.shadow import Shadow

_SAFE_SOFTMAX = torch.ops.aten._safe_softmax.default  # only fused attention uses it


@dataclass(slots=True, eq=False)
class Call:
    """One call of a layer: of a module whose own code dispatched an operator.

    Attributes:
        name: dotted path of the module.
        kind: its class.
        index: in the order of the first operators.
        fused: whether it called `scaled_dot_product_attention`, which is one operator
            elsewhere and several on ``meta``.
    """

    name: str
    kind: str
    index: int
    fused: bool = False


@dataclass(slots=True, eq=False)
class Op:
    """One dispatched operator, the call of the layer that it belongs to, and what it saw."""

    func: Any
    call: Call
    args: tuple
    kwargs: dict
    out: Any
    given: list[Tensor]
    macs: int


def results(op: Op) -> list[Tensor]:
    """The tensors that an operator is called for.

    Not the statistics that normalisation returns beside its result, nor the indices that
    pooling does.
    """
    if isinstance(op.out, Tensor):
        return [op.out]
    tensors = tensors_of(op.out)
    return tensors[:1] if kind(op.func)[0] in ("normalisation", "pooling") else tensors


class Tracer(TorchDispatchMode):
    """Records operators and the layers that call them.

    On the ``meta`` device an operator's result depends on nothing but the metadata of its
    arguments. A pure operator is therefore run once for each combination of them, and
    afterwards answered from memory; that is quicker than PyTorch's own shape functions.

    Attributes:
        ops: in order of execution.
        calls: of layers, in the order of their first operator.
        failure: name, kind, arguments and shape of the weight (if it has one) of the innermost
            module that raised an error.
    """

    def __init__(self, shadow: Shadow) -> None:
        super().__init__()
        self.ops: list[Op] = []
        self.calls: list[Call] = []
        self.failure: tuple[str, str, tuple, tuple | None] | None = None
        self._remembers = shadow.device.type == "meta"
        self._known: dict[tuple, tuple] = {}
        self._twins = shadow.tensors
        # The root's frame stays, for what hooks do before and after a forward pass.
        self._stack: list[list] = [["", type(shadow.module).__name__, None]]
        for module, name in shadow.names.items():
            self._watch(module, name)

    def _watch(self, module: nn.Module, name: str) -> None:
        forward, kind, stack = module.forward, type(module).__name__, self._stack

        def watched(*args: Any, **kwargs: Any) -> Any:
            frame = [name, kind, None]
            stack.append(frame)
            try:
                return forward(*args, **kwargs)
            except Exception:
                shape = getattr(getattr(module, "weight", None), "shape", None)
                self.failure = self.failure or (name, kind, args, shape)
                raise
            finally:
                stack.pop()

        vars(module)["forward"] = watched

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if torch.is_inference_mode_enabled() and _is_composite(func):
            with self:  # inference mode hands over operators whole that are made of others
                return func.decompose(*args, **kwargs)
        given = tensors_of(args)
        if kwargs:
            given += tensors_of(kwargs)
        if any([id(tensor) in self._twins for tensor in given]):
            # A closure or an object that the twin could not follow holds the original.
            args, kwargs = tree_map(self._twin, args), tree_map(self._twin, kwargs)
            given = [self._twin(tensor) for tensor in given]
        out = self._answer(func, args, kwargs) if self._remembers else func(*args, **kwargs)
        frame = self._stack[-1]
        if (call := frame[2]) is None:
            frame[2] = call = Call(frame[0], frame[1], len(self.calls))
            self.calls.append(call)
        if func is _SAFE_SOFTMAX:
            call.fused = True
        # Now, because a later operator may change the shape of a tensor in place.
        what, name = kind(func)
        macs = product_macs(func, name, args, kwargs, out) if what == "product" else 0
        self.ops.append(Op(func, call, args, kwargs, out, given, macs))
        return out

    def _twin(self, value: Any) -> Any:
        return self._twins.get(id(value), value) if isinstance(value, Tensor) else value

    def _answer(self, func: Any, args: tuple, kwargs: dict) -> Any:
        effect = _effect(func)
        if effect == "other":
            return _on_one_device(func, args, kwargs)
        key = (func, _signature(args), _signature(tuple(kwargs.items())))
        known = self._known.get(key)
        if known is not None:
            return _fresh(known) if known else args[0]
        out = _on_one_device(func, args, kwargs)
        if effect == "in place":
            if out is args[0] and out.is_meta and _signature(args) == key[1]:
                self._known[key] = ()
        elif (form := _form(out)) is not None:
            self._known[key] = form
        return out


def _is_composite(func: Any) -> bool:
    key = torch._C.DispatchKey.CompositeImplicitAutograd
    return torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key)


def _form(out: Any) -> tuple | None:
    if isinstance(out, Tensor):
        return (out.shape, out.stride(), out.dtype) if out.is_meta else None
    forms = [_form(item) for item in out] if isinstance(out, tuple) else [None]
    return None if None in forms else (forms,)


def _fresh(form: tuple) -> Any:
    if len(form) == 1:
        return tuple(_fresh(item) for item in form[0])
    return torch.empty_strided(form[0], form[1], dtype=form[2], device="meta")


_EFFECTS: dict[Any, str] = {}


def _effect(func: Any) -> str:
    """``pure`` (returns new tensors, writes to none), ``in place`` (writes to the first), other."""
    if (known := _EFFECTS.get(func)) is None:
        schema = func._schema
        aliases = [a for a in (*schema.arguments, *schema.returns) if a.alias_info is not None]
        known = "other"
        if any(str(argument.type) == "Tensor" for argument in schema.arguments) and not aliases:
            known = "pure"
        elif len(aliases) == 2 and schema.name.endswith("_") and aliases[0].alias_info.is_write:
            known = "in place"
        _EFFECTS[func] = known
    return known


def _signature(args: tuple) -> tuple:
    return tuple(
        [
            (a.shape, a.stride(), a.dtype, a.is_meta)
            if isinstance(a, Tensor)
            else _signature(tuple(a))
            if isinstance(a, (list, tuple))
            else (type(a), a)
            for a in args
        ]
    )


def _on_one_device(func: Any, args: tuple, kwargs: dict) -> Any:
    """Run an operator; a module's plain tensors, which are not on ``meta``, go there first."""
    try:
        return func(*args, **kwargs)
    except (RuntimeError, NotImplementedError):
        tensors = [a for a in tensors_of((args, kwargs)) if not a.is_meta]
        if not tensors or len(tensors) == len(tensors_of((args, kwargs))):
            raise
        return func(*tree_map(_to_meta, args), **tree_map(_to_meta, kwargs))


def _to_meta(value: Any) -> Any:
    return value.to("meta") if isinstance(value, Tensor) else value


def tensors_of(value: Any) -> list[Tensor]:
    """The tensors in nested lists, tuples and dictionaries, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return []
    found: list[Tensor] = []
    for item in value:
        if isinstance(item, Tensor):
            found.append(item)
        elif isinstance(item, (list, tuple, dict)):
            found += tensors_of(item)
    return found
