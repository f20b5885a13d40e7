"""Recorded runs: a file with a row for each trained network, and the machines they came from.

``data/runs/CHAPTER.csv`` is sorted, has a checksum in each row, and is written in one step.
``machines.json`` beside it says what each machine is. Light on purpose: the command line checks
the files before it starts anything.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from lwsurvey.store import write

FIRST = ("study", "variant", "seed", "validation", "test", "loss")
LAST = ("seconds", "machine", "date", "key", "check")
MACHINES = "machines.json"
FORMS = {
    "seed": re.compile(r"\d+"),
    "machine": re.compile(r"[a-z0-9][a-z0-9.-]*"),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}"),
    "key": re.compile(r"[0-9a-f]{32}"),
    "check": re.compile(r"[0-9a-f]{8}"),
}
"""What words in the columns look like; the other columns hold numbers."""
EXAMINED = re.compile(r"[a-z][a-z0-9_]*")


class RunsError(ValueError):
    """A file of recorded runs is wrong; the message names file and line and says what to do."""


@dataclass(frozen=True)
class Row:
    """A trained network.

    Attributes:
        study: name of the study within the chapter.
        variant: name of the network.
        seed: seed of weights and order of images.
        numbers: ``validation``, ``test`` (per cent), ``loss``, and what was examined, by name.
        seconds: of the training.
        machine: where it was trained, by its name in `MACHINES`.
        date: when it was trained.
        key: what was trained, see `lwsurvey.train.key`.
    """

    study: str
    variant: str
    seed: int
    numbers: Mapping[str, float] = field(hash=False)
    seconds: float
    machine: str
    date: str
    key: str

    def cells(self, examined: Iterable[str]) -> list[str]:
        """The row as text, its checksum last; what was not examined is empty."""
        names = [*FIRST[3:], *examined]
        numbers = [repr(self.numbers[n]) if n in self.numbers else "" for n in names]
        head = [self.study, self.variant, str(self.seed)]
        tail = [f"{self.seconds:.1f}", self.machine, self.date, self.key]
        # Its own columns only: another row may bring further ones.
        own = [f"{name}={value!r}" for name, value in self.numbers.items()]
        return [*head, *numbers, *tail, checksum([*head, *sorted(own), *tail])]


def checksum(cells: Iterable[str]) -> str:
    """Eight digits that change if a cell does."""
    return hashlib.sha256("\0".join(cells).encode()).hexdigest()[:8]


class Runs:
    """The recorded runs of a chapter.

    Args:
        path: the file; one that does not exist has no rows.

    Raises:
        RunsError: the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = read(path)
        self.machines = read_machines(path.with_name(MACHINES))
        for row in self.rows.values():
            if row.machine not in self.machines:
                raise RunsError(
                    f"{path.name}: {row.machine!r} of {row.variant}, seed {row.seed}, is not in "
                    f"{MACHINES}; {_advice(path)}"
                )

    def put(self, rows: Iterable[Row], machines: Mapping[str, dict]) -> None:
        """Add rows in place of those with the same study, variant and seed, and write the file.

        Several processes may do so at a time.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(self.path):
            new = {row.key: row for row in rows}
            old = {key: row for key, row in read(self.path).items() if key not in new}
            there = {_name(row): row for row in (*old.values(), *new.values())}
            known = read_machines(self.path.with_name(MACHINES)) | dict(machines)
            # The machines first: a row without its machine would be damage.
            text = json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            if known != self.machines or not self.path.with_name(MACHINES).exists():
                write(self.path.with_name(MACHINES), text)
            write(self.path, _text(there.values()))
        self.rows, self.machines = {row.key: row for row in there.values()}, known

    def keep(self, keys: Iterable[str]) -> int:
        """Drop all rows but those with some keys, and write the file; how many were dropped."""
        wanted = set(keys)
        with _lock(self.path):
            there = read(self.path)
            self.rows = {key: row for key, row in there.items() if key in wanted}
            if len(self.rows) < len(there):
                write(self.path, _text(self.rows.values()))
        return len(there) - len(self.rows)


def _lock(path: Path) -> FileLock:
    """One writer at a time; the lock lies elsewhere, since the site ships the folder."""
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return FileLock(Path(tempfile.gettempdir()) / f"lwsurvey-{name}.lock")


def read(path: Path) -> dict[str, Row]:
    """The rows of a file by their keys; none if there is no file.

    Raises:
        RunsError: a column is missing or unknown, a cell is of another form, a number is not
            finite, a row stands twice, or it does not fit its checksum.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise RunsError(f"{path.name} cannot be read ({error}); {_advice(path)}") from None
    rows: dict[str, Row] = {}
    names: dict[tuple, int] = {}
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(lines, [])
        examined = _examined(header)
        for cells in lines:
            row = _row(header, examined, cells)
            if row.key in rows or _name(row) in names:
                raise ValueError(f"{row.variant}, seed {row.seed}, stands there twice")
            rows[row.key] = row
            names[_name(row)] = lines.line_num
    except (ValueError, csv.Error) as error:
        line = max(1, lines.line_num)
        raise RunsError(f"{path.name}, line {line}: {error}; {_advice(path)}") from None
    if not text.endswith("\n"):
        raise RunsError(f"{path.name} is cut off at its end; {_advice(path)}")
    return rows


def read_machines(path: Path) -> dict[str, dict]:
    """What each machine is, by name; nothing if there is no file.

    Raises:
        RunsError: the file is damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RunsError(f"{path.name} cannot be read ({error}); {_advice(path)}") from None
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise RunsError(f"{path.name} must map names to machines; {_advice(path)}")
    return found


def processor_of(name: str, machines: Mapping[str, dict]) -> str:
    """The GPU or processor of a machine, by the machine's name."""
    facts = machines.get(name, {})
    return str(facts.get("gpu") or facts.get("processor") or name)


def _advice(path: Path) -> str:
    return f"restore it with: git checkout -- data/runs; or train again: lwsurvey train {path.stem}"


def _examined(header: list[str]) -> list[str]:
    """Names of the columns between the first and the last ones, which the book does not fix."""
    names = header[len(FIRST) : -len(LAST)]
    fixed = (*header[: len(FIRST)], *header[-len(LAST) :])
    if fixed != (*FIRST, *LAST) or not all(map(EXAMINED.fullmatch, names)):
        raise ValueError(f"the columns must be {', '.join(FIRST)}, what was examined, and then "
                         f"{', '.join(LAST)}")  # fmt: skip
    if len(set(header)) < len(header):
        raise ValueError("a column stands there twice")
    return names


def _row(header: list[str], examined: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise ValueError(f"{len(cells)} cells in place of {len(header)}")
    row = dict(zip(header, cells, strict=True))
    for name, form in FORMS.items():
        if not form.fullmatch(row[name]):
            raise ValueError(f"{name} cannot be {row[name]!r}")
    if not row["study"] or not row["variant"]:
        raise ValueError("study or variant is empty")
    needed = {name: _number(name, row[name]) for name in (*FIRST[3:], "seconds")}
    seconds = needed.pop("seconds")
    found = needed | {name: _number(name, row[name]) for name in examined if row[name]}
    made = Row(row["study"], row["variant"], int(row["seed"]), found, seconds, row["machine"],
               row["date"], row["key"])  # fmt: skip
    if made.cells(examined)[-1] != row["check"]:
        raise ValueError("the row does not fit its checksum: it was changed by hand")
    return made


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, not {text!r}")
    return value


def _name(row: Row) -> tuple[str, str, int]:
    return row.study, row.variant, row.seed


def _text(rows: Iterable[Row]) -> str:
    ordered = sorted(rows, key=_name)
    examined = sorted({name for row in ordered for name in row.numbers} - set(FIRST))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*FIRST, *examined, *LAST])
    writer.writerows(row.cells(examined) for row in ordered)
    return out.getvalue()
