"""What a user can do wrong when counting, in words."""

from __future__ import annotations

import textwrap
from typing import Any

from torch import Tensor

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


def failed(failure: tuple | None, shapes: str, error: Exception) -> CostError:
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
