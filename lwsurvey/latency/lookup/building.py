"""Tables built once per machine, and found again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock
from torch import nn

from lwsurvey import paths
from lwsurvey.latency import devices
from lwsurvey.latency.lookup import memory, store
from lwsurvey.latency.lookup.cut import cut
from lwsurvey.latency.lookup.deal import Window, deal
from lwsurvey.latency.lookup.errors import TableError
from lwsurvey.latency.lookup.grid import MULTIPLE, WIDTHS, grid
from lwsurvey.latency.lookup.measure import How, timed
from lwsurvey.latency.lookup.store import Stored
from lwsurvey.latency.lookup.table import Table
from lwsurvey.provenance import provenance

CHUNK = 8
"""Windows that are stored together; a killed build loses no more."""


def build(
    network: nn.Module, shape: Sequence[int], *, widths: int | None = WIDTHS,
    multiple: int = MULTIPLE, least: int | None = None, device: str = "cpu", threads: int = 1,
    channels_last: bool = True, rounds: int = 15, deals: int = 3,
    folder: str | Path | None = None, rebuild: bool = False, elsewhere: bool = False,
    seed: int = 0,
) -> Table:  # fmt: skip
    """Time the pieces of a network over their widths, or take the table that was made here.

    Each entry is timed as it runs in the network: batch normalisation and activation behind
    the convolution, in evaluation mode, and among pieces like those that run before and after
    it, not over and over alone. The weights are random. What is finished is on disk, and a
    build that was killed goes on behind it. The C library keeps freed memory from now on, in the
    whole process: see `lwsurvey.latency.lookup.keep`.

    Args:
        network: the widest that the table is for; of its weights only the shapes are read.
        shape: of its input, ``(batch, channels, rows, columns)``.
        widths, multiple, least: what is measured; see `lwsurvey.latency.lookup.grid.grid`.
        device: where it runs.
        threads: that a call may use on the host.
        channels_last: the layout of maps and weights.
        rounds: how often each entry is timed behind the same neighbours, two or more.
        deals: how often the entries get other neighbours.
        folder: of the files; ``_build/lookup`` in the checkout by default.
        rebuild: measure again although there is a table.
        elsewhere: take a finished table that was made on another machine.
        seed: of the neighbours.

    Raises:
        TableError: a network or numbers that cannot be, a damaged file, or a table of another
            machine; nothing has been measured then.
        ValueError: a device that is not there.
    """
    _check(device, rounds, deals)
    axes = grid(network, shape, widths=widths, multiple=multiple, least=least)
    order = tuple(piece.layer for piece in cut(network, shape))
    how = How(device, threads, channels_last, rounds, deals)
    made = provenance() | {"shape": list(shape), "seed": seed, "memory kept": memory.keep()}
    table = Stored(order, axes, how, made)
    path = _folder(folder) / store.name(table)
    with FileLock(path.with_suffix(".lock")):
        if path.exists() and not rebuild:
            table = store.read(path)
            # What is missing can only be measured on the same machine.
            if not elsewhere or _missing(table):
                store.check_place(path, table)
        return Table(*_completed(path, table), path)


def load(path: str | Path, *, elsewhere: bool = False) -> Table:
    """A finished table from its file.

    Args:
        path: of the file.
        elsewhere: take it although it was made on another machine, or with another PyTorch.

    Raises:
        TableError: no such file, a damaged one, one that is not finished, or another machine's.
    """
    path, table = Path(path), store.read(Path(path))
    if not elsewhere:
        store.check_place(path, table)
    if missing := _missing(table):
        raise TableError(f"{path} lacks {missing} parts: lookup.build goes on where it ended")
    return Table(*table, path)


def _check(device: str, rounds: int, deals: int) -> None:
    devices.find(device)
    if rounds < 2 or deals < 1:
        raise TableError(f"need two rounds and one deal or more, not {rounds} and {deals}")


def _folder(folder: str | Path | None) -> Path:
    found = Path(folder) if folder else paths.made("lookup")
    try:
        found.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TableError(f"no tables can be kept in {found}: {error}") from error
    return found


def _missing(table: Stored) -> int:
    """Parts that are still to be measured."""
    return len(_chunks(table)) - len(table.parts)


def _completed(path: Path, table: Stored) -> Stored:
    """Time and store what is missing."""
    for windows in _chunks(table)[len(table.parts) :]:
        table = table._replace(parts=(*table.parts, timed(windows, table.how)))
        store.write(path, table)
    return table


def _chunks(table: Stored) -> list[list[Window]]:
    """All windows of a table, in the portions that are stored together."""
    found = []
    for i in range(table.how.deals):
        rng = np.random.default_rng((table.made["seed"], i))
        windows = deal(table.order, table.axes, rng)
        found += [windows[k : k + CHUNK] for k in range(0, len(windows), CHUNK)]
    return found
