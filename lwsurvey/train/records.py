"""Recorded runs in a study: looked up by their keys, and some of them trained again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from lwsurvey import paths
from lwsurvey.provenance import accelerator, commit, processor
from lwsurvey.runs import Row, Runs, processor_of
from lwsurvey.train.agreement import compare
from lwsurvey.train.device import TrainError

DRAW = "LWSURVEY_DRAW"
"""Environment variable that has other rows trained again, whatever its value is."""


class Task(NamedTuple):
    """A training that a study asks for."""

    variant: str
    seed: int
    key: str


Trained = Callable[[Sequence[tuple[str, int]], Callable[[int, dict], object]], object]
"""Trains variants with seeds, and calls its second argument with each place and its findings."""


class StudyEnd(Exception):
    """A study has done what `lwsurvey train` asked; the rest of its cell is not needed."""


@dataclass
class Session:
    """What ``lwsurvey train`` asks of every study, and what it is told.

    Attributes:
        action: ``count`` what is missing, ``train`` it, or ``check`` a share of what is there.
        jobs: processes; as many as the study says if None.
        share: share of the rows that are checked, 0 to 1.
        keys: of all rows that the studies ask for.
        wanted: number of networks that the studies ask for, by study.
        missing: number of them that are to be trained, by study.
        checked: number of rows that were trained again and agree.
        dropped: number of rows that no study asks for and that were dropped.
    """

    action: str
    jobs: int | None = None
    share: float = 0.0
    keys: set[str] = field(default_factory=set)
    wanted: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    checked: int = 0
    dropped: int = 0

    def note(self, study: str, tasks: Sequence[Task], missing: int) -> None:
        """Note what a study asks for."""
        self.keys |= {task.key for task in tasks}
        self.wanted[study], self.missing[study] = len(tasks), missing


session: Session | None = None
"""Set by ``lwsurvey train`` while it runs the cells of a chapter."""


class Recorded:
    """The recorded runs of a chapter, as `lwsurvey.train.repeat` uses them.

    Args:
        path: the file of the repository.
        again: number of its rows that are trained again and compared, -1 for all.
        local: file of the rows that this machine trained besides, so that an interrupted study
            goes on where it was; not kept if None.

    Raises:
        RunsError: a file is damaged.
        ValueError: ``again`` is less than -1.
    """

    def __init__(self, path: Path, again: int = 0, local: Path | None = None) -> None:
        if again < -1:
            raise ValueError(f"again is the number of rows to train again, or -1, not {again}")
        self.published, self.local = Runs(path), Runs(local) if local else None
        self.machines = dict(self.published.machines) | (self.local.machines if local else {})
        self.all, keys = again == -1, sorted(self.published.rows)
        # Another commit, or another chapter, draws others.
        self._draw = random.Random(f"{commit()} {path.stem} {os.environ.get(DRAW, '')}")
        self.drawn = set(self._draw.sample(keys, min(max(again, 0), len(keys))))

    def jobs(self, asked: int | None) -> int | None:
        """Processes: as `lwsurvey train` says, or as a study asks."""
        return session.jobs if session and session.jobs else asked

    def complete(
        self, study: str, tasks: Sequence[Task], trained: Trained
    ) -> tuple[list[Row], str]:
        """A row for each training, recorded or new, and where they come from, in words.

        Args:
            study: name of the study.
            tasks: its trainings.
            trained: what trains those that are missing, and those that are compared.

        Raises:
            TrainError: a training fails, or disagrees with its row.
            StudyEnd: `lwsurvey train` has what it wants.
        """
        taken = self._taken(tasks)
        missing = [task for task in _once(tasks) if task.key not in taken]
        if session:
            session.note(study, _once(tasks), len(missing))
            self._publish(taken)
        # Those that are compared come first: if they disagree, that ends the study at once.
        chosen = self._again(taken)
        again = [task for task in _once(tasks) if task.key in chosen]
        new = self._train(study, again, trained, keep=False)
        known = list(taken.values()) + list(self.published.rows.values())
        pairs = [(taken[task.key], new[task.key]) for task in again]
        agreement = self._compare(pairs, known)
        if session and session.action == "check":
            session.checked += len(pairs)
        if not session or session.action == "train":
            new |= self._train(study, missing, trained, keep=True)
        if session:
            raise StudyEnd
        if self.all:
            rows = taken | new
            pairs = [(old, rows[k]) for k, old in self.published.rows.items() if k in rows]
            agreement = self._compare(pairs, known)
            if self.local:  # it was for going on after an interruption
                self.local.keep(set(self.local.rows) - set(rows))
        else:
            rows = new | taken
        said = self._sentence(taken, len(missing), len(pairs), agreement)
        return [rows[task.key] for task in tasks], said

    def _taken(self, tasks: Sequence[Task]) -> dict[str, Row]:
        """Rows that need no training, by key.

        Rows of one seed stay together: what is compared comes from one machine. If some are
        missing, or come from several machines, those from elsewhere are trained here.
        """
        here, taken = machine()[0], {}
        local = self.local.rows.values() if self.local else ()
        there = {row.key: row for row in local if row.machine == here}
        there |= {} if self.all else self.published.rows
        for seed in dict.fromkeys(task.seed for task in tasks):
            keys = {task.key for task in tasks if task.seed == seed}
            rows = {key: there[key] for key in keys if key in there}
            if len(rows) < len(keys) or len({row.machine for row in rows.values()}) > 1:
                rows = {key: row for key, row in rows.items() if row.machine == here}
            taken |= rows
        return taken

    def _publish(self, taken: Mapping[str, Row]) -> None:
        """Record what a run of the chapter has trained on this machine already."""
        found = [row for key, row in taken.items() if key not in self.published.rows]
        if found and session.action == "train":
            self.published.put(found, {row.machine: self.machines[row.machine] for row in found})

    def _again(self, taken: Mapping[str, Row]) -> set[str]:
        found = set(taken) & set(self.published.rows)
        if not session:
            return set() if self.all else found & self.drawn
        if session.action != "check":
            return set()
        number = min(len(found), max(1, round(session.share * len(found))))
        return set(self._draw.sample(sorted(found), number))

    def _train(self, study: str, tasks: list[Task], trained: Trained, keep: bool) -> dict[str, Row]:
        made: dict[str, Row] = {}

        def finished(place: int, found: dict) -> None:
            where, facts = found.pop("machine")
            self.machines[where] = facts
            row = made[tasks[place].key] = _row(study, tasks[place], found, where)
            training = session and session.action == "train"
            if keep and (file := self.published if training else self.local):
                file.put([row], {where: facts})

        if tasks:
            trained([(task.variant, task.seed) for task in tasks], finished)
        return made

    def _compare(self, pairs: Sequence[tuple[Row, Row]], known: Iterable[Row]) -> str:
        return compare(pairs, {row.key: row for row in known}.values(), self.machines)

    def _sentence(self, taken: Mapping[str, Row], new: int, compared: int, agreement: str) -> str:
        """Where and when networks were trained, and what training some of them again gave."""
        if not taken or self.all:
            found = f"; {compared} of them compared with recorded ones: {agreement}"
            return "trained in this run" + (found if compared else "")
        names = sorted({processor_of(row.machine, self.machines) for row in taken.values()})
        dates = sorted({row.date for row in taken.values()})
        when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        total = len(taken) + new
        text = f"trained on {' and '.join(names)} on {when}"
        text += f" ({new} of {total} in this run)" if new else ""
        if compared:
            return f"{text}; {compared} of {total} trained again in this build: {agreement}"
        return f"{text}; none of {total} trained again in this build"


def recorded(chapter: str, again: int = 0) -> Recorded:
    """The recorded runs of a chapter: ``data/runs/CHAPTER.csv``.

    Args:
        chapter: slug.
        again: number of its rows that are trained again in this run and compared; -1 trains
            all of them again, and then takes the new numbers.

    Raises:
        RunsError: the file is damaged.
    """
    path = paths.root() / "data" / "runs" / f"{chapter}.csv"
    return Recorded(path, again, paths.made("trained") / f"{chapter}.csv")


def kept(path: Path) -> Recorded:
    """Rows of a study of your own in a file, so that it goes on where it was interrupted.

    Args:
        path: made with the first row.

    Raises:
        RunsError: the file is damaged.
    """
    return Recorded(path, local=path)


@lru_cache
def machine(device: str = "cpu") -> tuple[str, dict[str, object]]:
    """Name of this machine, and what its results may depend on: processor, GPU, versions."""
    facts = {
        "processor": processor(),
        "model": _model(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "gpu": accelerator(device)["gpu"] if device != "cpu" else None,
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {name: metadata.version(name) for name in ("numpy", "torch")},
    }
    words = re.sub(r"[^a-z0-9]+", "-", str(facts["gpu"] or facts["processor"]).lower())
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return f"{words.strip('-')[:40]}-{digest[:6]}", facts


def _model() -> str:
    """Family, model, stepping and cache of the processor, where the system tells."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8").partition("\n\n")[0] if path.exists() else ""
    found = dict(re.findall(r"^([^\t:]+)\s*: (.+)$", text, re.M))
    return " ".join(found.get(n, "") for n in ("cpu family", "model", "stepping", "cache size"))


def _row(study: str, task: Task, found: Mapping[str, float], where: str) -> Row:
    """The row of a network that was trained just now."""
    silent = {"variant", "seed", "seconds"}
    numbers = {name: float(value) for name, value in found.items() if name not in silent}
    if odd := [name for name, value in numbers.items() if not np.isfinite(value)]:
        raise TrainError(
            f"{task.variant}, seed {task.seed}: {', '.join(odd)} is not a finite number and "
            "cannot be recorded; let examine leave it out"
        )
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    seconds = round(found["seconds"], 1)
    return Row(study, task.variant, task.seed, numbers, seconds, where, date, task.key)


def _once(tasks: Sequence[Task]) -> list[Task]:
    """The tasks without those that ask for a training that an earlier one asks for."""
    return list({task.key: task for task in reversed(tasks)}.values())[::-1]
