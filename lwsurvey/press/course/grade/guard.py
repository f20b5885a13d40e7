"""Whether a failing test still fails in a student's kernel, and what else a person should look at.

Tests run beside the answers, in one process: code of a submission can replace a built-in
function or take the assertions out of every cell. What is found here costs all marks of the
tests; what it cannot find is why the instructor's page says to read what was flagged.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from lwsurvey.press.course.grade.grading import LOOK

# Those that the tests of the book call.
TRUSTED = (
    "AssertionError", "abs", "all", "any", "bool", "dict", "enumerate", "float", "int",
    "isinstance", "len", "list", "map", "max", "min", "range", "round", "set", "sorted", "str",
    "sum", "tuple", "type", "zip",
)  # fmt: skip
assert all(hasattr(builtins, name) for name in TRUSTED)
IMPORTS = (ast.Import, ast.ImportFrom)
LIBRARIES = ("numpy", "torch", "torch.nn.functional")
FORGED = "in this kernel assertions no longer fail, or functions that tests need were replaced"
RESTORED = "gives built-in functions another meaning ({names}); the tests used the real ones"

# What no exercise asks for: modules, names, and methods that decide how results compare.
MODULES = {
    "IPython", "builtins", "ctypes", "gc", "importlib", "inspect", "linecache",
    "multiprocessing", "os", "pickle", "pty", "requests",
    "signal", "socket", "sqlite3", "subprocess", "sys", "threading", "traceback", "urllib",
}  # fmt: skip
NAMES = {
    "In", "Out", "_ih", "_oh", "setattr", "vars", "__builtins__", "__import__", "compile", "eval",
    "exec", "get_ipython", "globals", "open",
}  # fmt: skip
LYING = {"__eq__", "__ne__", "__sub__", "__rsub__", "__lt__", "__le__", "__gt__", "__ge__"}
LYING |= {"__bool__", "__class__", "__instancecheck__", "__isub__", "__abs__"}

# Removes names of the notebook that hide built-ins; says which, and whether those are genuine.
CLEAN = """
{imports}
def _():
    import builtins, json, sys
    from types import BuiltinFunctionType, FunctionType
    names = {names!r}
    hidden = [name for name in names if name in globals()]
    for name in hidden:
        del globals()[name]
    genuine = all(
        isinstance(getattr(builtins, name), (BuiltinFunctionType, type))
        and getattr(builtins, name).__module__ == "builtins"
        and getattr(builtins, name).__name__ == name
        for name in names
    )
    packages = [
        module
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == "lwsurvey" or name in {libraries!r}
    ]
    origins = {origins!r}
    genuine = genuine and all(
        str(getattr(module, "__file__", None)).startswith(origins[module.__name__.split(".")[0]])
        for module in packages
    ) and not any(
        "ipykernel_" in value.__code__.co_filename
        for module in packages
        for value in list(vars(module).values())
        if isinstance(value, FunctionType)
    )
    shell = get_ipython()
    hooks = bool(shell.ast_transformers or shell.input_transformers_post)
    print(json.dumps(dict(token={token!r}, hidden=hidden, genuine=genuine and not hooks)))
_()
del _
"""
CANARY = "assert not {token!r}, {token!r}"


def token() -> str:
    """A word that a submission cannot know."""
    return secrets.token_hex(8)


def imports(release: NotebookNode) -> str:
    """What a released chapter imports, under the names that it never gives to anything else."""
    cells = [cell for cell in release.cells if cell.cell_type == "code"]
    trees = [ast.parse(cell.source) for cell in cells]
    names = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name))
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    found = [node for tree in trees for node in tree.body if isinstance(node, IMPORTS)]
    kept = [n for n in found if not bound & {(a.asname or a.name).split(".")[0] for a in n.names}]
    return "\n".join(dict.fromkeys(map(ast.unparse, kept)))


def clean(word: str, imports: str = "") -> str:
    """Code to run before a test; ``read`` understands what it prints.

    Args:
        word: that the submission cannot know.
        imports: statements that give the chapter's names their meaning again.
    """
    origins = {name: _origin(name) for name in {"lwsurvey", *(n.split(".")[0] for n in LIBRARIES)}}
    return CLEAN.format(
        names=TRUSTED, libraries=LIBRARIES, token=word, imports=imports, origins=origins
    )


def _origin(name: str) -> str:
    """The folder of a package."""
    spec = importlib.util.find_spec(name)
    return str(Path(spec.origin).parent) if spec and spec.origin else ""


def canary(word: str) -> str:
    """A test that must fail with this word."""
    return CANARY.format(token=word)


def read(printed: str, word: str) -> tuple[bool, list[str]]:
    """Whether the kernel is genuine, and the built-ins that were hidden."""
    for line in printed.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("token") == word:
            return bool(found["genuine"]), list(found["hidden"])
    return False, []


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
