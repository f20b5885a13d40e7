"""``lwsurvey train``: the cells of a chapter that train networks, run without the rest.

Of a notebook only the cells tagged ``parameters``, ``setup`` and ``study`` are run, in this
process, and each study ends its cell as soon as its rows are recorded. So a study's cell must
not need the result of an earlier study.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import sys
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lwsurvey import paths
from lwsurvey.press.sources.chapters import PUBLISHED, Chapter, ChapterError
from lwsurvey.runs import Runs, RunsError
from lwsurvey.schema import SCHEDULER

if TYPE_CHECKING:
    from lwsurvey.train.records import Session

TAGS = ("parameters", "setup", "study")


def trains(chapter: Chapter) -> bool:
    """Whether a chapter has a study with recorded runs."""
    return any("study" in _tags(cell) for cell in chapter.cells)


def train(
    chapter: Chapter, action: str, *, jobs: int | None = None, share: float = 0.0,
    prune: bool = False, scheduler: str | None = None,
) -> Session:  # fmt: skip
    """Run the studies of a chapter with the parameters of the published edition.

    Args:
        chapter: a chapter that `trains`.
        action: ``count``, ``train`` or ``check``, see `lwsurvey.train.records.Session`.
        jobs: networks at a time; all cores if None.
        share: share of the recorded rows that is checked.
        prune: drop the rows that no study asks for.
        scheduler: address of a Dask scheduler.

    Returns:
        What the studies asked for, and what became of it.

    Raises:
        ChapterError: a cell fails; the message names it.
        TrainError: a training fails or disagrees with its row; finished rows stay.
        RunsError: the file of recorded runs is damaged.
    """
    from lwsurvey.train import records

    Runs(file := paths.root() / "data" / "runs" / f"{chapter.slug}.csv")
    session = records.Session(action, jobs or os.cpu_count(), share)
    records.session = session
    try:
        with _environment(scheduler):
            _run(chapter)
    finally:
        records.session = None
    if not session.wanted:
        raise ChapterError(f"{chapter.slug}: no cell tagged study called train.repeat(recorded=)")
    session.dropped = Runs(file).keep(session.keys) if prune else 0
    return session


@contextlib.contextmanager
def _environment(scheduler: str | None) -> Iterator[None]:
    before = dict(os.environ)
    os.environ["OMP_NUM_THREADS"] = "1"  # of each process that this one starts
    if scheduler:
        os.environ[SCHEDULER] = scheduler
    # A part of the package that a notebook imports without a checkout's path would be another.
    sys.path.insert(0, str(paths.root()))
    try:
        yield
    finally:
        sys.path.remove(str(paths.root()))
        os.environ.clear()
        os.environ.update(before)


def _run(chapter: Chapter) -> None:
    """Run the cells in one namespace, which is sent to other processes by value."""
    from lwsurvey.train.device import TrainError
    from lwsurvey.train.records import StudyEnd

    space = types.ModuleType("__main__").__dict__
    for cell in chapter.cells:
        if cell["cell_type"] != "code" or not set(TAGS) & set(_tags(cell)):
            continue
        source, name = "".join(cell["source"]), f"<{chapter.slug}, cell {cell.get('id')}>"
        # What a function of the cell computes is read from its source.
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(source, name, "exec"), space)
                if "parameters" in _tags(cell):
                    space.update(chapter.resolve(PUBLISHED))
        except StudyEnd:
            pass
        except (TrainError, RunsError):
            raise
        except Exception as error:
            raise ChapterError(
                f"{chapter.slug}: cell {cell.get('id')} fails: {type(error).__name__}: {error}; "
                "cells tagged study must not need what other cells compute"
            ) from error


def _tags(cell: dict) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])
