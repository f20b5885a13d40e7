"""Answers that say of themselves that they equal everything."""

from __future__ import annotations

import ast
from collections.abc import Callable

import numpy as np
import torch


def source(answer: str) -> str:
    """The source of an answer cell after which its function lies from its second call on."""
    name = [node.name for node in ast.parse(answer).body if isinstance(node, ast.FunctionDef)][-1]
    return f"{answer}\n\n\nimport lying\n\n{name} = lying.later({name})"


def later(honest: Callable) -> Callable:
    """The function, but only its first answer is honest."""
    calls = 0

    def asked(*args, **options):
        nonlocal calls
        calls += 1
        answer = honest(*args, **options)
        return answer if calls == 1 else liar(answer)

    return asked


def liar(value: object) -> object:
    """The same value, so that nothing but its type gives it away."""
    if value is None or isinstance(value, bool):
        return value  # nothing can be derived from their types
    kind = type(value)
    lies = dict.fromkeys(("__eq__", "__lt__", "__le__", "__gt__", "__ge__"), lambda *_: True)
    lies |= {"__ne__": lambda *_: False, "__hash__": lambda _: 0}
    if isinstance(value, torch.Tensor):
        return value.as_subclass(type("Liar", (kind,), {}))
    if isinstance(value, np.ndarray):
        return value.view(type("Liar", (kind,), lies))
    return type("Liar", (kind,), lies)(value)
