"""What can be counted: checks of module and inputs, and errors that say what is wrong with them."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_map

Inputs = Sequence[Any] | Mapping[str, Any] | Tensor

_NEEDS_VALUES = (
    "item()",
    "_local_scalar_dense",
    "meta tensors",
    "Meta tensors",
    "is_nonzero",
    "to numpy",
    "meta device type tensor",
    "register_meta",
)


class CostError(ValueError):
    """A module or an input that cannot be counted; the message says why and what to do."""


def check_module(module: object) -> nn.Module:
    """The module to run, out of what a user may pass.

    Raises:
        CostError: it is no module, or one whose operators or parameters cannot be seen.
    """
    if isinstance(module, str):
        raise CostError(
            f"expected a module, got the string {module!r}; for a network by name use"
            f" lwsurvey.models.zoo.load({module!r}) or, in a terminal, lwsurvey profile {module}"
        )
    if isinstance(module, type) and issubclass(module, nn.Module):
        raise CostError(f"{module.__name__} is a class; pass an instance, {module.__name__}(...)")
    if not isinstance(module, nn.Module):
        raise CostError(f"expected a torch.nn.Module, got {type(module).__name__}")
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    parts = list(module.modules())
    for kind in dict.fromkeys(map(type, parts)):
        if trouble := _trouble(kind):
            name = next(n for n, part in module.named_modules() if type(part) is kind)
            raise CostError(f"{name or 'the module'} ({kind.__name__}) {trouble}")
    held = (t for part in parts for t in (*part._parameters.values(), *part._buffers.values()))
    if any(map(is_lazy, held)):
        raise CostError("the module has lazy layers without sizes; run it once on real data first")
    return module


def _trouble(kind: type) -> str:
    if issubclass(kind, torch.jit.ScriptModule):
        return (
            "is a ScriptModule, whose layers Python cannot see; pass the module that was"
            " given to torch.jit.script or torch.jit.trace"
        )
    packed = kind.__module__.startswith("torch.") and ".quantized" in kind.__module__
    if packed and kind.__name__ != "FloatFunctional":  # which only marks places for observers
        return (
            "is quantised: its weights are packed, and its operators do not run on the meta"
            " device; count the float model, before conversion"
        )
    return ""


def arguments(module: nn.Module, inputs: Inputs, device: torch.device) -> tuple[tuple, dict]:
    """Positional and keyword arguments for one forward pass, as empty tensors.

    Args:
        module: its first floating parameter gives the type of inputs that are given as shapes.
        inputs: a shape, such as ``(1, 3, 224, 224)``; a tensor; a sequence of them for
            several inputs; or a mapping of names to them.
        device: where the inputs are made; tensors are moved there.

    Raises:
        CostError: a shape is no sequence of positive integers, or the forward pass takes
            another number of inputs.
    """
    floating = (p.dtype for p in module.parameters() if p.is_floating_point())
    dtype = next(floating, torch.get_default_dtype())

    def make(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.detach().to(device)
        return torch.ones(_shape(value), dtype=dtype, device=device) if _is_shape(value) else value

    if isinstance(inputs, Mapping):
        args, kwargs = (), {name: _nested(value, make) for name, value in inputs.items()}
    elif isinstance(inputs, Tensor) or _is_shape(inputs):
        args, kwargs = (make(inputs),), {}
    elif isinstance(inputs, Sequence) and not isinstance(inputs, str) and len(inputs):
        args, kwargs = tuple(_nested(item, make) for item in inputs), {}
    else:
        raise CostError(f"expected a shape such as (1, 3, 224, 224), got {inputs!r}")
    _bind(module, args, kwargs)
    return args, kwargs


def _nested(item: Any, make: Any) -> Any:
    if isinstance(item, Tensor) or _is_shape(item):
        return make(item)
    if isinstance(item, (list, tuple)):
        parts = [_nested(part, make) for part in item]
        return type(item)(*parts) if hasattr(item, "_fields") else type(item)(parts)
    if isinstance(item, Mapping):
        return {name: _nested(part, make) for name, part in item.items()}
    return tree_map(make, item)


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and all(isinstance(side, (Integral, float)) for side in value)
    )


def _shape(value: Sequence[Any]) -> tuple[int, ...]:
    for side in value:
        if not isinstance(side, Integral) or isinstance(side, bool) or side < 1:
            raise CostError(
                f"a shape consists of positive integers; {tuple(value)} has {side!r}."
                " A batch of one RGB image of 224 x 224 is (1, 3, 224, 224)"
            )
    return tuple(int(side) for side in value)


def _bind(module: nn.Module, args: tuple, kwargs: dict) -> None:
    signature = inspect.signature(module.forward)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        wanted = [
            p.name
            for p in signature.parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        raise CostError(
            f"{type(module).__name__}.forward takes {', '.join(wanted) or 'nothing'} ({error});"
            f" it was given {len(args) + len(kwargs)} input(s). Several inputs are given as"
            " a sequence of shapes, or as a mapping of names to shapes"
        ) from None


def forward_error(failure: tuple | None, shapes: str, error: Exception) -> CostError:
    """The error of a forward pass, with the layer in which it arose.

    Args:
        failure: of the innermost module that failed, if any: name, kind, arguments and shape
            of the weight.
        shapes: of the model's input.
        error: what PyTorch or the module raised.
    """
    name, kind, args, weight = failure or ("", "the model", (), None)
    where = f"layer {name} ({kind})" if name else f"the model itself ({kind})"
    given = f" on {describe(args)}" if args else ""
    given += f", with a weight of {tuple(weight)}" if weight else ""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    message = f"{where} failed{given}: {type(error).__name__}: {textwrap.shorten(reason, 200)}"
    if any(sign in str(error) for sign in _NEEDS_VALUES):
        message += (
            "\nThe forward pass asks for values of a tensor (a branch or a loop on data), and on"
            " the meta device there are none. Count it with real ones: device='cpu'"
        )
    if "same device" in str(error):
        message += (
            "\nA tensor that is neither parameter nor buffer stays on its device; register it as"
            " a buffer, or use device='cpu'"
        )
    if "Long" in str(error):
        message += "\nInputs given as shapes are floating-point; give a tensor of whole numbers"
    return CostError(f"{message}\nThe model was given {shapes}")


def describe(value: Any) -> str:
    """Shapes of the tensors in a value, such as ``(1, 3, 224, 224)``."""
    if isinstance(value, Tensor):
        return str(tuple(value.shape))
    if isinstance(value, (list, tuple)):
        return ", ".join(filter(None, map(describe, value)))
    if isinstance(value, dict):
        return ", ".join(f"{key}={describe(item)}" for key, item in value.items())
    return type(value).__name__
