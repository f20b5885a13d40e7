"""Names of the package: where each is defined, read from its source without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lwsurvey import paths

PACKAGE = paths.PACKAGE.name


@dataclass(frozen=True)
class Place:
    """Where a name is defined.

    Attributes:
        module: such as ``lwsurvey.models.blocks``.
        name: such as ``InvertedResidual.forward``; nothing for the module itself.
    """

    module: str
    name: str = ""

    @property
    def href(self) -> str:
        """Address of the definition on the site."""
        return f"source/{self.module}.html" + (f"#{self.name}" if self.name else "")


@dataclass(frozen=True)
class Module:
    """What a module binds at its top level.

    Attributes:
        path: the file.
        defined: line of each class, function, constant and method.
        imported: module and name there of each name that is imported.
    """

    path: Path
    defined: dict[str, int]
    imported: dict[str, tuple[str, str]]


@cache
def module(name: str) -> Module | None:
    """A module of the package, or nothing if there is none of this name."""
    first, *rest = name.split(".")
    folder = paths.PACKAGE.joinpath(*rest)
    candidates = (folder / "__init__.py", folder.with_suffix(".py"))
    path = next((path for path in candidates if path.is_file()), None)
    if first != PACKAGE or path is None:
        return None
    tree = ast.parse(path.read_text("utf-8"))
    home = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return Module(path, dict(_definitions(tree.body)), dict(_imports(tree.body, home)))


def _definitions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, int]]:
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node, *node.decorator_list], key=lambda each: each.lineno)
            yield prefix + node.name, first.lineno
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (each for target in targets for each in ast.walk(target))
            yield from ((prefix + n.id, node.lineno) for n in names if isinstance(n, ast.Name))


def _imports(nodes: Iterable[ast.AST], home: str = "") -> Iterator[tuple[str, tuple[str, str]]]:
    """Names with their origin: a module, and the name there or nothing for the module itself."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            parents = home.split(".")[: len(home.split(".")) - node.level + 1]
            origin = ".".join([*(parents if node.level else ()), *filter(None, [node.module])])
            yield from ((alias.asname or alias.name, (origin, alias.name)) for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield alias.asname or top, (alias.name if alias.asname else top, "")


def find(dotted: str) -> Place | None:
    """Where a full name of the package is defined, through whatever imports it again.

    Args:
        dotted: such as ``lwsurvey.train.repeat``; a module goes before a function of its name.
    """
    parts = dotted.split(".")
    for i in range(len(parts), 0, -1):
        home = ".".join(parts[:i])
        if module(home) and (place := _within(home, parts[i:])):
            return place
    return None


def _within(home: str, parts: list[str]) -> Place | None:
    """Where a name is defined that code finds in a module."""
    known = module(home)
    if known is None or not parts:
        return Place(home) if known else None
    origin = known.imported.get(parts[0], (home, parts[0]))
    if origin != (home, parts[0]):
        return _within(origin[0], [*filter(None, origin[1:]), *parts[1:]])
    if parts[0] in known.defined:
        name = ".".join(parts)
        return Place(home, name) if name in known.defined else None
    return _within(f"{home}.{parts[0]}", parts[1:])


@dataclass(frozen=True)
class Scope:
    """The names of a notebook.

    Attributes:
        imported: module and name there of what it imports from the package and never binds again.
        bound: names that it binds itself.
    """

    imported: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    bound: frozenset[str] = frozenset()

    def find(self, text: str) -> Place | None:
        """Where a name in this notebook's text is defined, if that is not in doubt.

        Args:
            text: a full name; or one that begins with an import; or a class that exactly one of
                the imported modules has.
        """
        first, *rest = text.split(".")
        if first == PACKAGE:
            return find(text)
        if first in self.imported:
            return self._find(first, rest)
        if first in self.bound or not first[:1].isupper():
            return None
        places = {self._find(name, [first, *rest]) for name in self.imported} - {None}
        return places.pop() if len(places) == 1 else None

    def _find(self, name: str, rest: list[str]) -> Place | None:
        origin, *inner = self.imported[name]
        return _within(origin, [*filter(None, inner), *rest])


def scope(sources: Iterable[str]) -> Scope:
    """What the code cells of a notebook import and bind; cells that are not Python are left out."""
    nodes = [node for source in sources for node in ast.walk(_parsed(source))]
    pairs = set(_imports(nodes))
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    origins: dict[str, set[tuple[str, str]]] = {}
    for name, origin in pairs:
        origins.setdefault(name, set()).add(origin)
    ours = {
        name: min(found)
        for name, found in origins.items()
        if len(found) == 1 and name not in bound and min(found)[0].split(".")[0] == PACKAGE
    }
    return Scope(ours, frozenset(bound | origins.keys() - ours.keys()))


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:  # such as a magic of IPython
        return ast.Module([], [])


def uses(source: str, known: Scope) -> dict[int, tuple[str, Place]]:
    """The first use of each name of the package in a cell, by its offset in characters.

    ``repeat`` is the link in ``train.repeat``, and ``train`` only where it stands alone.
    """
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    found, seen = {}, set()
    for name, dotted, line, byte in sorted(_mentions(_parsed(source)), key=lambda use: use[2:]):
        place = known.find(dotted)
        if place and place not in seen:
            seen.add(place)
            found[starts[line - 1] + len(lines[line - 1].encode()[:byte].decode())] = name, place
    return found


def _mentions(tree: ast.Module) -> Iterator[tuple[str, str, int, int]]:
    """Name, dotted name, line and column (in bytes) of chains and of what is imported."""
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}"
                yield alias.name, dotted, alias.lineno, alias.col_offset
        elif isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in inner:
            dotted = ast.unparse(node)
            if all(part.isidentifier() for part in dotted.split(".")):
                name = dotted.rpartition(".")[2]
                yield name, dotted, node.end_lineno, node.end_col_offset - len(name.encode())
