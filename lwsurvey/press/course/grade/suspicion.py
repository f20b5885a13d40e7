"""What a person should look at in a submission. It costs no marks."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbformat import NotebookNode

from lwsurvey.press.course.grade.story import LOOK

MODULES = {
    "IPython", "builtins", "ctypes", "gc", "importlib", "inspect", "linecache",
    "multiprocessing", "os", "pickle", "pty", "requests",
    "signal", "socket", "sqlite3", "subprocess", "sys", "threading", "traceback", "urllib",
}  # fmt: skip
NAMES = {
    "In",
    "Out",
    "_ih",
    "_oh",
    "setattr",
    "vars",
    "__builtins__",
    "__import__",
    "compile",
    "eval",
    "exec",
    "get_ipython",
    "globals",
    "open",
}
LYING = {"__eq__", "__ne__", "__sub__", "__rsub__", "__lt__", "__le__", "__gt__", "__ge__"}
LYING |= {"__bool__", "__class__", "__instancecheck__", "__isub__", "__abs__"}


def remarks(nb: NotebookNode, release: NotebookNode) -> list[str]:
    """Sentences on cells that do what no exercise asks for.

    Args:
        nb: a submission.
        release: what was handed out, whose own cells are not looked at.
    """
    ours = {cell.source.strip() for cell in release.cells}
    found = []
    for cell in nb.cells:
        if cell.cell_type == "code" and cell.source.strip() not in ours:
            found += [f"{LOOK}: a cell {what}." for what in sorted(set(_odd(cell.source)))]
    return list(dict.fromkeys(found))


def _odd(source: str) -> Iterator[str]:
    lines = [line.lstrip() for line in source.splitlines()]
    if any(line.startswith(("%", "!")) for line in lines):
        yield "runs a command of IPython or of the shell"
    plain = "\n".join(line for line in source.splitlines() if line.lstrip()[:1] not in "%!")
    try:
        tree = ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield "is no plain Python, so that nothing could be looked for"
        return
    for node in ast.walk(tree):
        yield from _of(node)


def _of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (_uses(alias.name) for alias in node.names if _top(alias.name) in MODULES)
    elif isinstance(node, ast.ImportFrom) and _top(node.module or "") in MODULES:
        yield _uses(node.module or "")
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield _uses(node.id)
    elif isinstance(node, ast.ClassDef) and (found := sorted(_defined(node) & LYING)):
        yield f"defines {found[0]}, which decides how a result compares"
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield f"assigns to {ast.unparse(node)}"


def _defined(node: ast.ClassDef) -> set[str]:
    """Names that the body of a class binds."""
    made = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    names = (n for part in node.body for n in ast.walk(part) if isinstance(n, ast.Name))
    return made | {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _top(module: str) -> str:
    return module.split(".")[0]


def _uses(name: str) -> str:
    return f"uses {name}"
