"""The kept tables, and what their rows depend on."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

import lwsurvey
from lwsurvey import paths, store
from lwsurvey.models.sweep import COLUMNS, PUBLISHED, TIMM
from lwsurvey.provenance import provenance

LIBRARIES = ("timm", "torch", "torchvision")
SOURCES = ("cost", "models", "models/sources")
"""Folders of the package that decide what is counted; of this one it is `COUNTING`."""
COUNTING = ("counting.py", "measure.py", "networks.py", "published.py")


def key() -> str:
    """What a row depends on: the versions of the libraries, our code, and timm's own table."""
    digest = hashlib.sha256()
    for name in LIBRARIES:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    package = Path(lwsurvey.__file__).parent
    sources = [path for folder in SOURCES for path in sorted((package / folder).glob("*.py"))]
    own = [Path(__file__).with_name(name) for name in COUNTING]
    for path in (*sources, *own, paths.data(TIMM)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def write(folder: Path, rows: Iterable[dict[str, Any]], about: dict[str, Any]) -> None:
    """Write ``models.csv``, ``published.csv`` and ``models.json``, each in one step.

    Args:
        folder: made if it does not exist.
        rows: what `measure.measure` gave for each network.
        about: what the run adds to versions, commit, hardware and date.
    """
    rows = sorted(rows, key=lambda row: (row["library"], row["name"]))
    printed = [figure for row in rows for figure in row.get("published", [])]
    folder.mkdir(parents=True, exist_ok=True)
    store.write(folder / "models.csv", _csv(rows, COLUMNS))
    store.write(folder / "published.csv", _csv(printed, PUBLISHED))
    command = " ".join(["python -m benchmarks.sweep", *sys.argv[1:]])
    about = {**provenance(), "command": command, **about, "counts": counts(rows, printed)}
    store.write(folder / "models.json", json.dumps(about, indent=2, ensure_ascii=False) + "\n")


def counts(rows: list[dict[str, Any]], printed: list[dict[str, Any]]) -> dict[str, Any]:
    """How many networks are counted, agree, fail; how many printed figures agree, and why."""
    compared = [row for row in rows if "macs_torch" in row]
    return {
        "networks": len(rows),
        "counted": sum("macs" in row for row in rows),
        "with_uncounted_operators": sum(bool(row.get("uncounted")) for row in rows),
        "counted_by_pytorch": len(compared),
        "counted_by_pytorch_as_they_come": sum(not row["trouble_torch"] for row in compared),
        "equal_to_pytorch": sum(not row["difference"] for row in compared),
        "published": {
            library: _agreement([row for row in printed if row["library"] == library])
            for library in sorted({row["library"] for row in printed})
        },
    }


def _agreement(printed: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    columns = ("gmacs_agree", "parameters_agree", "activations_agree")
    found = {name: Counter(row[name] for row in printed if name in row) for name in columns}
    failed = Counter(row["error"] for row in printed if "error" in row)
    return {name: dict(counted.most_common()) for name, counted in found.items()} | (
        {"error": dict(failed)} if failed else {}
    )


def _csv(rows: list[dict[str, Any]], columns: dict[str, str]) -> str:
    table = pd.DataFrame(rows, columns=list(columns), dtype=object)
    return table.to_csv(index=False, lineterminator="\n")
