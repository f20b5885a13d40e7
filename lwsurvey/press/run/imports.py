"""Which of our own modules a piece of code imports, followed to the end.

Only the source is read, nothing is imported. Imports inside functions count, as do those
that never happen (``if TYPE_CHECKING``): one run too many is harmless, one too few is not.
What ``importlib`` loads under a computed name is not seen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import lwsurvey

PACKAGE = Path(lwsurvey.__file__).resolve().parent


def follow(sources: Iterable[str], beside: Path, package: Path = PACKAGE) -> dict[str, Path]:
    """The files of our modules that code imports, directly or through each other.

    Args:
        sources: code cells; IPython's magic commands are allowed.
        beside: folder of the notebook, whose modules it can import too.
        package: folder of the package to follow.

    Returns:
        Path by name, such as ``lwsurvey/cost/closed_form.py``, sorted.
    """
    places = _Places(package, beside)
    waiting = [name for source in sources for name in _named(source, "", places)]
    found: dict[str, Path] = {}
    while waiting:
        name = waiting.pop()
        path = places.file(name)
        if path is None or places.label(path) in found:
            continue
        found[places.label(path)] = path
        home = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _named(path.read_text(encoding="utf-8", errors="replace"), home, places)
    return dict(sorted(found.items()))


class _Places:
    """Where modules are looked for: our package, and the folder of the notebook."""

    def __init__(self, package: Path, beside: Path) -> None:
        self.package, self.beside = package, beside

    def file(self, name: str) -> Path | None:
        """The file of a module, or None if it is not ours."""
        top = name.partition(".")[0]
        base = self.package.parent if top == self.package.name else self.beside
        path = base.joinpath(*name.split("."))
        candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
        return next((file for file in candidates if file.is_file()), None)

    def label(self, path: Path) -> str:
        """The name of a module's file in messages and keys."""
        if path.is_relative_to(self.package):
            return path.relative_to(self.package.parent).as_posix()
        return path.relative_to(self.beside.parent).as_posix()

    def inside(self, name: str) -> list[str]:
        """All modules directly in a package, for ``from package import *``."""
        path = self.file(name)
        if path is None or path.name != "__init__.py":
            return []
        return [f"{name}.{p.stem}" for p in path.parent.iterdir() if self.file(f"{name}.{p.stem}")]


def _named(source: str, home: str, places: _Places) -> list[str]:
    """Every module that code may import, with the packages above it; ``home`` is its package."""
    names: list[str] = []
    for level, module, imported in _statements(source):
        above = home.split(".")[: len(home.split(".")) - level + 1] if level else []
        target = ".".join([*above, module] if module else above)
        # `from package import x` loads a module if x is one; file() drops what is none.
        names += [f"{target}.{name}" if name else target for name in imported if name != "*"]
        names += [target] + (places.inside(target) if "*" in imported else [])
    parents = (name.split(".")[:n] for name in names if name for n in range(1, name.count(".") + 2))
    return list(dict.fromkeys(".".join(parts) for parts in parents))


@cache
def _statements(source: str) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    """Level, module and imported names of every import statement."""
    found = []
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            found += [(0, alias.name, ("",)) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            found.append((node.level, node.module or "", names))
    return tuple(found)


def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:
        pass
    from IPython.core.inputtransformer2 import TransformerManager  # slow, and rarely needed

    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return ast.Module([], [])  # code that Python does not accept imports nothing either
