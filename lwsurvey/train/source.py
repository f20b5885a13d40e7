"""What a function computes, as text: its own code and all of ours that it reaches.

The text does not change with docstrings, comments, formatting, annotations, the names of
functions and local variables, the file that something stands in, or the version of Python.
It changes with everything else. What libraries compute is taken by its name.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import inspect
import sys
import types
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn

PACKAGE = __package__.partition(".")[0]
# Fields of syntax trees that do not compute, or that some versions of Python do not have.
SILENT = {"annotation", "returns", "type_comment", "type_params", "ctx", "kind", "name", "names"}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
NUMBERS = (bool, int, float, complex, str, bytes, types.NoneType, types.EllipsisType)


class SourceError(ValueError):
    """Something that a function uses cannot be described; the message says what."""


def describe(value: object) -> str:
    """A value, or what a function or class computes, as text.

    Args:
        value: plain values, arrays, tensors, functions, classes, partial functions, methods,
            and objects of our own classes, and containers of these.

    Raises:
        SourceError: another object, or a function without source.
    """
    reader = _Reader()
    text = reader.value(value)
    return "\n".join([text, *reader.texts])


def bytes_digest(data: bytes) -> str:
    """A short digest of bytes."""
    return hashlib.sha256(data).hexdigest()[:32]


def number_text(value: float) -> str:
    """A number to nine digits: what the last bits of a logarithm are, processors decide."""
    return format(value, ".9g") if isinstance(value, float) else repr(value)


class _Reader:
    """Collects the text of each piece of our own code once, in the order in which it is met."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._met: dict[int, int] = {}
        self._kept: list[object] = []  # so that no two objects get one address

    def value(self, value: Any) -> str:
        if isinstance(value, NUMBERS):
            return number_text(value)
        if isinstance(value, list | tuple):
            return f"{type(value).__name__}[{', '.join(map(self.value, value))}]"
        if isinstance(value, set | frozenset):
            return f"set[{', '.join(sorted(map(self.value, value)))}]"
        if isinstance(value, Mapping):
            pairs = (f"{self.value(k)}: {self.value(v)}" for k, v in value.items())
            return f"mapping[{', '.join(pairs)}]"
        if isinstance(value, np.ndarray | np.generic):
            array = np.ascontiguousarray(value)
            return f"array {array.dtype} {array.shape} {bytes_digest(array.tobytes())}"
        if isinstance(value, torch.Tensor):
            return f"tensor {self.value(value.detach().cpu().numpy())}"
        if isinstance(
            value, torch.dtype | torch.device | torch.memory_format | np.dtype | slice | range
        ):
            return str(value)
        return self._code(value)

    def _code(self, value: Any) -> str:
        if isinstance(value, functools.partial):
            return f"partial {self.value(value.func)} {self.value([value.args, value.keywords])}"
        if isinstance(value, types.MethodType):
            return f"method {self.value(value.__func__)} {self.value(value.__self__)}"
        value = value if isinstance(value, type) else inspect.unwrap(value)
        module = getattr(value, "__module__", None)
        if isinstance(value, types.ModuleType):
            return f"module {value.__name__}"
        if isinstance(value, nn.Module) or (
            isinstance(value, type) and issubclass(value, nn.Module)
        ):
            return "network"  # what networks compute, their trace tells
        if isinstance(value, type | types.FunctionType) and _ours(module):
            return self._definition(value)
        if isinstance(value, type) or (callable(value) and hasattr(value, "__name__")):
            # Libraries move things about inside; the name of the outermost package stays.
            top = "numpy" if isinstance(value, np.ufunc) else (module or "").partition(".")[0]
            return f"library {top}.{getattr(value, '__qualname__', value.__name__)}"
        if _ours(type(value).__module__):
            return f"object {self.value(type(value))} {self.value(vars(value))}"
        raise SourceError(
            f"{value!r:.80}, a {type(value).__name__}, cannot be described: what is recorded may "
            "use functions, classes, modules, plain values, arrays and tensors"
        )

    def _definition(self, value: Any) -> str:
        """A reference to the text of a function or class, which is written once."""
        if id(value) not in self._met:
            place = self._met[id(value)] = len(self.texts)
            self._kept.append(value)
            self.texts.append("")
            write = self._class if isinstance(value, type) else self._function
            self.texts[place] = f"#{place} {write(value)}"
        return f"#{self._met[id(value)]}"

    def _class(self, cls: type) -> str:
        bases = [self.value(base) for base in cls.__bases__]
        parts = [f"{name} {self.value(part)}" for name, part in _written(cls)]
        return f"class {bases} {parts}"

    def _function(self, function: types.FunctionType) -> str:
        nodes = _nodes(function)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        closed = {name: cell.cell_contents for name, cell in cells}
        scope = _Scope(self, nodes, {**vars(builtins), **function.__globals__, **closed})
        text = " ".join(part for node in nodes for part in scope.text(node))
        defaults = [function.__defaults__, function.__kwdefaults__]
        methods = [self.value(found) for found in _methods(nodes, function.__globals__)]
        return f"function {text} {self.value(defaults)} {methods}"


class _Scope:
    """The text of syntax trees: local names by their order, others by what they stand for."""

    def __init__(self, reader: _Reader, nodes: list[ast.AST], values: Mapping[str, Any]) -> None:
        self._reader, self._values = reader, values
        bound = {name for node in nodes for name in _bound(node)}
        self._local: dict[str, int | None] = dict.fromkeys(bound)

    def text(self, node: Any) -> Iterator[str]:
        """Words of a node and of all below it."""
        if isinstance(node, ast.Attribute | ast.Name) and (found := self._resolve(node)):
            yield found
        elif isinstance(node, ast.arg):
            yield self._name(node.arg)
        elif isinstance(node, ast.Constant):
            yield self._reader.value(node.value)
        elif isinstance(node, ast.AST):
            yield type(node).__name__
            if isinstance(node, (*DEFINITIONS, ast.ExceptHandler)) and node.name:
                yield self._name(node.name)
            for name, value in ast.iter_fields(node):
                if name == "names":
                    yield " ".join(alias.name for alias in value if isinstance(alias, ast.alias))
                elif name not in SILENT:
                    yield f"{name}("
                    yield from self.text(_computing(value) if name == "body" else value)
                    yield ")"
        elif isinstance(node, list):
            for each in node:
                yield from self.text(each)
        else:
            yield repr(node)

    def _name(self, name: str) -> str:
        if self._local.get(name) is None:
            self._local[name] = sum(place is not None for place in self._local.values())
        return f"${self._local[name]}"

    def _resolve(self, node: ast.AST) -> str:
        """What a name, or a dotted name that begins with a module, stands for."""
        if isinstance(node, ast.Name):
            if node.id in self._local:
                return self._name(node.id)
            if node.id not in self._values:
                return f"unknown {node.id}"
            return self._reader.value(self._values[node.id])
        chain, base = [node.attr], node.value
        while isinstance(base, ast.Attribute):
            chain.insert(0, base.attr)
            base = base.value
        if not isinstance(base, ast.Name) or base.id in self._local:
            return ""
        found = self._values.get(base.id)
        if not isinstance(found, types.ModuleType):
            return ""
        while chain and isinstance(found, types.ModuleType) and hasattr(found, chain[0]):
            found = getattr(found, chain.pop(0))
        return " ".join([self._reader.value(found), *chain])


def _computing(body: Any) -> Any:
    """Statements without docstrings and other constants that stand for themselves."""
    if not isinstance(body, list):
        return body
    constant = (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in body)
    return [s for s, silent in zip(body, constant, strict=True) if not silent]


def _bound(tree: ast.AST) -> Iterator[str]:
    """Names that are bound somewhere within a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (*DEFINITIONS, ast.ExceptHandler)) and node.name and node is not tree:
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def _written(cls: type) -> Iterator[tuple[str, Any]]:
    """Methods and plain values of a class that somebody wrote; a dataclass makes others."""
    for name, part in sorted(vars(cls).items()):
        part = part.fget if isinstance(part, property) else getattr(part, "__func__", part)
        part = part if isinstance(part, type) else inspect.unwrap(part)
        if isinstance(part, types.FunctionType):
            if _ours(part.__module__) and not part.__code__.co_filename.startswith("<string"):
                yield name, part
        elif isinstance(part, NUMBERS) and not name.startswith("__"):
            yield name, part


def _methods(nodes: list[ast.AST], values: Mapping[str, Any]) -> Iterator[types.FunctionType]:
    """Methods of our own classes in sight whose names the code uses on some object."""
    used = {n.attr for node in nodes for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    for cls in values.values():
        if isinstance(cls, type) and _ours(cls.__module__) and not issubclass(cls, nn.Module):
            for name, part in _written(cls):
                if name in used and isinstance(part, types.FunctionType):
                    yield part


def _nodes(function: types.FunctionType) -> list[ast.AST]:
    """The definition of a function in the syntax tree of its file; of a lambda all in its line."""
    line = function.__code__.co_firstlineno
    try:
        lines, _ = inspect.findsource(function)
        found = _definitions("".join(lines)).get(line, [])
    except (OSError, SyntaxError, TypeError) as error:
        raise SourceError(f"there is no source of {function.__qualname__}: {error}") from None
    kind = ast.Lambda if function.__name__ == "<lambda>" else DEFINITIONS
    found = [node for node in found if isinstance(node, kind)]
    if not found:
        raise SourceError(f"the source of {function.__qualname__} changed since it was loaded")
    return found


@lru_cache(maxsize=64)
def _definitions(text: str) -> dict[int, list[ast.AST]]:
    """Functions, classes and lambdas of a file by the line in which they begin."""
    found: dict[int, list[ast.AST]] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (*DEFINITIONS, ast.Lambda)):
            decorators = getattr(node, "decorator_list", ())
            first = min([node.lineno, *(each.lineno for each in decorators)])
            found.setdefault(first, []).append(node)
    return found


@lru_cache
def _ours(module: str | None) -> bool:
    """Whether a module's code is read, and not taken by its name: ours, and what users wrote."""
    top = (module or "builtins").partition(".")[0]
    if top == PACKAGE or top == "__main__":
        return True
    if top in sys.stdlib_module_names:
        return False
    file = getattr(sys.modules.get(module or ""), "__file__", None) or ""
    return bool(file) and "-packages" not in file
