"""What the tests of the exercises ask of an answer before they compare it."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TypeVar

import numpy as np
import torch
from torch import nn

Value = TypeVar("Value")
NUMPY = frozenset(np.sctypeDict.values()) - {np.object_, np.void}
SINGLE = frozenset({int, float, complex, bool, str, bytes, type(None), Fraction, torch.Size})
TENSORS = frozenset({torch.Tensor, nn.Parameter})
LISTS = frozenset({list, tuple, set, frozenset})


def plain(value: Value) -> Value:
    """The same value, if it can be compared: numbers, texts, arrays and what is built of them.

    A class of one's own may say of itself that it equals everything. Here each part has
    exactly one of the types that everybody knows, and not one derived from them.

    Args:
        value: what an answer returned.

    Raises:
        TypeError: a part of it has another type; the message names it.
    """
    for part in _parts(value):
        kind = type(part)
        if kind not in SINGLE | TENSORS | NUMPY and not _is_array(part):
            raise TypeError(
                f"the answer has a part of type {kind.__name__}; expected are numbers, texts, "
                "arrays and tensors, and lists, tuples, sets and dicts of them"
            )
    return value


def _parts(value: object) -> Iterable[object]:
    """What a container holds, however deep; any other value is its own only part."""
    if type(value) is dict:
        value = [*value.keys(), *value.values()]
    if type(value) not in LISTS:
        yield value
        return
    for item in value:
        yield from _parts(item)


def _is_array(value: object) -> bool:
    return type(value) is np.ndarray and value.dtype.type in NUMPY
