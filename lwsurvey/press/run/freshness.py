"""Whether a chapter must run again: what its last run depended on, and what that is now.

What a run depended on lies in the executed notebook itself, so no second file can disagree with
it and a run that is killed leaves nothing behind. Everything but the data is read off the sources.
The data files are those that the last run opened: the same code with the same parameters
reads the same files, and if code or parameters changed, the chapter runs anyway. (Compilers
use the same argument for the headers in their dependency files.)
"""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import grimp

from lwsurvey import paths
from lwsurvey.press.results.notebooks import ResultError, facts, requested_parameters
from lwsurvey.press.sources.chapters import Chapter, ChapterError, read_notebook

ABSENT = "absent"
CHANGING = "changed during the run"
LEDGER = "data/claims.csv"
LOCK = "requirements.lock"
# What Jupyter notes in a cell about its look and its last run.
VOLATILE = {"ExecuteTime", "collapsed", "editable", "execution", "jupyter", "papermill"}
VOLATILE |= {"scrolled", "slideshow", "vscode"}
SHOWN = 3


@dataclass(frozen=True)
class Freshness:
    """Whether a chapter's result can be taken as it is, and why (not)."""

    fresh: bool
    why: str
    seconds: float | None = None


def assess(chapter: Chapter, preset: str, parameters: dict[str, object], folder: Path) -> Freshness:
    """Compare the result of a chapter with what it would depend on if it ran now.

    Args:
        chapter: the source.
        preset: name of the preset.
        parameters: resolved.
        folder: where the executed notebooks lie.
    """
    try:
        last = facts(folder / f"{chapter.slug}.ipynb")
    except ResultError as error:
        return Freshness(False, str(error))
    now = inputs(chapter)
    try:
        seconds, changes = float(last["seconds"]), _changes(last, preset, parameters, now)
    except (KeyError, TypeError, ValueError, AttributeError):
        return Freshness(False, "its result is of another format")
    if not changes:
        return Freshness(True, "nothing changed", seconds)
    more = f"; and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    return Freshness(False, "; ".join(changes[:SHOWN]) + more, seconds)


def inputs(chapter: Chapter) -> dict[str, object]:
    """What a run of the chapter depends on, as hashes by name; without parameters and data."""
    cells = read_notebook(chapter.path)
    code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    files = imported_files(code, chapter.path.parent)
    return {
        "notebook": _hash([_essence(cell) for cell in cells]),
        "claims": _hash(_rows(chapter.slug)),
        "lock": fingerprint(LOCK),
        "modules": {name: _file_hash(path) for name, path in files.items()},
    }


def data_read(names: set[str], began: float) -> dict[str, str]:
    """Hashes of the files and folders that a run has read.

    Args:
        names: relative to the checkout; a folder ends with ``/``.
        began: time of the run's start. A file that changed later may have been read before
            or after that, so its hash is one that never fits.
    """
    root = paths.root()
    found = {}
    for name in sorted(names - {LEDGER, LOCK}):
        path = root / name
        changed = path.exists() and max(path.stat().st_mtime, path.stat().st_ctime) > began
        found[name] = CHANGING if changed else fingerprint(name)
    return found


def fingerprint(name: str) -> str:
    """Hash of a file's content, or of the names in a folder if ``name`` ends with ``/``."""
    path = paths.root() / name
    if name.endswith("/"):
        return _hash(sorted(os.listdir(path))) if path.is_dir() else ABSENT
    return _file_hash(path) if path.is_file() else ABSENT


def _changes(last: dict, preset: str, parameters: dict[str, object], now: dict) -> list[str]:
    then = last["inputs"]
    found = ["the notebook changed"] if then["notebook"] != now["notebook"] else []
    if last["preset"] != preset:
        found.append(f"preset {last['preset']} -> {preset}")
    found += _parameter_changes(requested_parameters(last), parameters)
    found += _file_changes(then["modules"], now["modules"])
    if then["claims"] != now["claims"]:
        found.append(f"its claims in {LEDGER} changed")
    found += _file_changes(then["data"], {name: fingerprint(name) for name in then["data"]})
    if then["lock"] != now["lock"]:
        found.append(f"{LOCK} changed")
    return found


def _parameter_changes(then: dict[str, object], now: dict[str, object]) -> list[str]:
    now = json.loads(json.dumps(now))
    both = [name for name in now if name in then and then[name] != now[name]]
    changed = [f"parameter {name}: {then[name]!r} -> {now[name]!r}" for name in both]
    return changed + [f"parameter {name} is new or gone" for name in sorted(then.keys() ^ now)]


def _file_changes(then: dict[str, str], now: dict[str, str]) -> list[str]:
    found = []
    for name in sorted(then.keys() | now.keys()):
        before, after = then.get(name, ABSENT), now.get(name, ABSENT)
        if before != after or before == CHANGING:
            verb = "is new" if before == ABSENT else "is gone" if after == ABSENT else "changed"
            found.append(f"{name} {verb}")
    return found


def _essence(cell: dict) -> dict:
    metadata = {k: v for k, v in cell["metadata"].items() if k not in VOLATILE}
    kept = {name: cell.get(name) for name in ("id", "cell_type", "source", "attachments")}
    return kept | {"metadata": metadata}


def _rows(slug: str) -> list[dict[str, str]]:
    """The chapter's claims without their verdicts, which a run does not use."""
    try:
        with open(paths.root() / LEDGER, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("chapter") == slug]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ChapterError(f"{LEDGER} is no CSV in UTF-8: {error}") from None
    return [{k: v for k, v in row.items() if k != "verdict"} for row in rows]


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _file_hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def imported_files(
    sources: Iterable[str], beside: Path, package: Path = paths.PACKAGE
) -> dict[str, Path]:
    """The files of our modules that code imports, directly or through each other.

    Only sources are read, nothing is imported. Imports inside functions count, as do those that
    never happen (``if TYPE_CHECKING``): one run too many is harmless, one too few is not. What
    ``importlib`` loads under a computed name is not seen.

    Args:
        sources: code cells; IPython's magic commands are allowed.
        beside: folder of the notebook, whose modules it can import too.
        package: folder of the package to follow.

    Returns:
        Path by name, such as ``lwsurvey/cost/closed_form.py``, sorted.

    Raises:
        ChapterError: a module of the package is not valid Python.
    """
    stamp = tuple((file, file.stat().st_mtime_ns) for file in sorted(package.rglob("*.py")))
    graph = _graph(package, stamp)
    names = [name for source in sources for name in _imported(source)]
    found, seen = {}, set()
    while names:
        if (name := names.pop()) in seen:
            continue
        seen.add(name)
        above, _, last = name.rpartition(".")
        names.append(above)
        if last == "*" and above in graph.modules:
            names += graph.find_children(above)
        elif name in graph.modules:
            path = _module_file(package.parent, name)
            found[path.relative_to(package.parent).as_posix()] = path
            names += graph.find_modules_directly_imported_by(name)
        elif name and (path := _module_file(beside, name)).is_file():
            found[path.relative_to(beside.parent).as_posix()] = path
            home = name if path.stem == "__init__" else above
            names += _imported(path.read_text(encoding="utf-8", errors="replace"), home)
    return dict(sorted(found.items()))


@lru_cache(maxsize=1)
def _graph(package: Path, _: tuple[tuple[Path, int], ...]) -> grimp.ImportGraph:
    """The imports in a package; the second argument is new whenever a file of it changes."""
    try:
        return grimp.build_graph(package.name, cache_dir=None)
    except grimp.exceptions.SourceSyntaxError as error:
        name = Path(error.filename).relative_to(package.parent).as_posix()
        raise ChapterError(f"{name} is not valid Python (line {error.lineno})") from None


def _module_file(folder: Path, name: str) -> Path:
    path = folder.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")


def _imported(source: str, home: str = "") -> Iterator[str]:
    """Names that may be modules in the import statements of code; ``home`` is its package."""
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            packages = home.split(".")
            above = packages[: len(packages) - node.level + 1] if node.level else []
            target = ".".join([*above, *filter(None, [node.module])])
            # `from package import x` loads a module if x is one.
            yield from (f"{target}.{alias.name}" for alias in node.names)


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
