"""The cell tagged ``parameters``: names, default values, comments, and what may replace them."""

from __future__ import annotations

import ast
import difflib
import io
import json
import tokenize
from collections.abc import Collection
from dataclasses import dataclass

import yaml

KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
}


class ParameterError(ValueError):
    """A parameter is unknown or has a value of the wrong type; the message names it."""


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell.

    Attributes:
        name: the variable.
        value: its literal value, which is that of the preset ``cpu``.
        comment: what the comment of the line says.
    """

    name: str
    value: object
    comment: str = ""


def read(source: str) -> dict[str, Parameter]:
    """The parameters that a cell assigns, in its order.

    Raises:
        ParameterError: the cell does more than assign literals to names.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ParameterError(f"the parameters cell is no Python (line {error.lineno})") from None
    comments = _comments(source)
    found = {}
    for node in tree.body:
        name, value = _assignment(node)
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        comment = " ".join(comments[line] for line in lines if line in comments)
        found[name] = Parameter(name, value, comment)
    return found


def _assignment(node: ast.stmt) -> tuple[str, object]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    value = getattr(node, "value", None)
    if isinstance(node, ast.Assign | ast.AnnAssign) and value and len(targets) == 1:
        try:
            if isinstance(targets[0], ast.Name):
                return targets[0].id, _plain(ast.literal_eval(value))
        except (ValueError, TypeError):
            pass  # no plain value: refused below, as every other statement
    raise ParameterError(
        f"line {node.lineno} of the parameters cell must be NAME = VALUE with a plain value"
    )


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


def parse(text: str, default: object) -> object:
    """The value of ``-p NAME TEXT``: a Python literal or YAML; a text stays as it is."""
    if isinstance(default, str):
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pass  # YAML has the forms that Python lacks: true, null, [a, b]
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def replace(parameters: dict[str, Parameter], changes: dict[str, object]) -> dict[str, object]:
    """Values of all parameters after some are replaced.

    Raises:
        ParameterError: an unknown name, or a value of another type than the default.
    """
    for name in changes:
        if name not in parameters:
            raise ParameterError(unknown("parameter", name, parameters))
    values = {p.name: p.value for p in parameters.values()}
    return values | {n: _checked(parameters[n], value) for n, value in changes.items()}


def _checked(parameter: Parameter, value: object) -> object:
    try:
        return _fit(parameter.value, _plain(value))
    except (TypeError, OverflowError):
        kind = KINDS.get(type(parameter.value), "a plain value")
        raise ParameterError(
            f"parameter {parameter.name} must be {kind} like {parameter.value!r}, not {value!r}"
        ) from None


def _fit(default: object, value: object) -> object:
    """The value as the type of the default, or TypeError."""
    if isinstance(default, float) and type(value) in (int, float):
        return float(value)
    if isinstance(default, list | tuple) and isinstance(value, list | tuple):
        return [_fit_element(default, element) for element in value]
    if default is None and (value is None or isinstance(value, bool | int | float | str)):
        return value
    if type(value) is not type(default):
        raise TypeError(value)
    return value


def _fit_element(defaults: list | tuple, value: object) -> object:
    if not defaults:
        return value
    for default in defaults:
        try:
            return _fit(default, value)
        except TypeError:
            continue
    raise TypeError(value)


def _plain(value: object) -> object:
    """The value itself, or TypeError if JSON cannot hold it, as an executed notebook must."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise TypeError(value) from error
    return value


def unknown(what: str, name: str, valid: Collection[str]) -> str:
    """The message for a name that does not exist: the nearest match and all valid names."""
    near = difflib.get_close_matches(name, valid, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"unknown {what} {name!r}{hint}; there are: {', '.join(valid) or 'none'}"
