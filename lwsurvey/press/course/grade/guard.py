"""Whether a failing test still fails in a student's kernel.

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
from pathlib import Path

from nbformat import NotebookNode

# Those that the tests of the book call.
TRUSTED = (
    "AssertionError", "abs", "all", "any", "bool", "dict", "enumerate", "float", "int",
    "isinstance", "len", "list", "map", "max", "min", "range", "round", "set", "sorted", "str",
    "sum", "tuple", "type", "zip",
)  # fmt: skip
IMPORTS = (ast.Import, ast.ImportFrom)
LIBRARIES = ("numpy", "torch", "torch.nn.functional")
FORGED = "in this kernel assertions no longer fail, or functions that tests need were replaced"
RESTORED = "gives built-in functions another meaning ({names}); the tests used the real ones"

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


assert all(hasattr(builtins, name) for name in TRUSTED)
