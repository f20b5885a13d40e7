"""A table that is built once for each machine, and found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import nn

from lwsurvey import paths
from lwsurvey.latency import devices
from lwsurvey.latency.lookup.cut import cut
from lwsurvey.latency.lookup.layers import Layer, TableError
from lwsurvey.latency.lookup.table import Table
from lwsurvey.latency.lookup.timing import (
    MULTIPLE,
    WIDTHS,
    Entry,
    Grid,
    How,
    Part,
    Window,
    deal,
    grid,
    measure,
)
from lwsurvey.latency.pages import keep
from lwsurvey.provenance import provenance
from lwsurvey.store import Records

VERSION = 2
"""Raised when entries are timed, or dealt out, in another way than before."""
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
        widths, multiple, least: what is measured; see `lwsurvey.latency.lookup.timing.grid`.
        device: where it runs.
        threads: that a call may use on the host.
        channels_last: the layout of maps and weights.
        rounds: how often each entry is timed behind the same neighbours, two or more.
        deals: how often the entries get other neighbours.
        folder: of the tables; ``_build/lookup`` in the checkout by default.
        rebuild: measure again although there is a table.
        elsewhere: take a finished table that was made on another machine.
        seed: of the neighbours.

    Raises:
        TableError: a network or numbers that cannot be, a damaged file, or a table of another
            machine; nothing has been measured then.
        ValueError: a device that is not there.
    """
    devices.find(device)
    if rounds < 2 or deals < 1:
        raise TableError(f"need two rounds and one deal or more, not {rounds} and {deals}")
    axes = grid(network, shape, widths=widths, multiple=multiple, least=least)
    order = tuple(piece.layer for piece in cut(network, shape))
    how = How(device, threads, channels_last, rounds, deals)
    made = provenance() | {"shape": list(shape), "seed": seed, "memory kept": keep()}
    name = _name(order, axes, how, seed, shape)
    path = (Path(folder) if folder else paths.made("lookup")) / name
    records = Records(path, error=TableError)
    with FileLock(path / "lock"):
        if rebuild:
            records.remove("*")
        chunks = _chunks(order, axes, deals, seed)
        found = [records.get(_key(i)) for i in range(len(chunks))]
        if (there := records.get("made")) is None:
            records.put("made", made)
        elif not elsewhere or None in found:  # what is missing needs the same machine
            check_place(path, there, how)
        parts = [
            _measured(records, i, windows, how) if part is None else _part(windows, part)
            for i, (windows, part) in enumerate(zip(chunks, found, strict=True))
        ]
    return Table(axes, how, there or made, tuple(parts), path)


def check_place(path: Path, then: Mapping[str, Any], how: How) -> None:
    """Refuse a table that was measured on another machine, or with another PyTorch.

    Machines with the same processor, as many cores and the same GPU count as one.

    Args:
        path: of the table, for the message.
        then: where and with what it was made.
        how: it is timed.

    Raises:
        TableError: it was; the message says what differs and what to do.
    """
    here = provenance()
    pairs = {name: (then[name], here[name]) for name in ("processor", "cores")}
    pairs["PyTorch"] = then["packages"]["torch"], here["packages"]["torch"]
    if how.device != "cpu":
        pairs["GPU"] = then["gpu"], here["gpu"]
    if found := [f"{name} {a}, here {b}" for name, (a, b) in pairs.items() if a != b]:
        raise TableError(
            f"{path} was measured elsewhere ({'; '.join(found)}): build it here with "
            "rebuild=True, or take it, if it is finished, with elsewhere=True"
        )


def _name(
    order: Sequence[Layer], axes: Grid, how: How, seed: int, shape: Sequence[int]
) -> str:  # fmt: skip
    """A digest of what is measured, how, and with which PyTorch and which random numbers."""
    what = [[asdict(layer), axes[layer]] for layer in order]
    versions = [VERSION, torch.__version__, np.__version__]
    text = json.dumps([versions, how, seed, list(shape), what])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _chunks(order: Sequence[Layer], axes: Grid, deals: int, seed: int) -> list[list[Window]]:
    """All windows of a table, in the portions that are stored together."""
    found = []
    for i in range(deals):
        windows = deal(order, axes, np.random.default_rng((seed, i)))
        found += [windows[k : k + CHUNK] for k in range(0, len(windows), CHUNK)]
    return found


def _key(i: int) -> str:
    return f"part-{i:04}"


def _measured(records: Records, i: int, windows: Sequence[Window], how: How) -> Part:
    """Time a part, and keep its seconds; what they are of follows from the table's name."""
    part = measure(windows, how)
    records.put(_key(i), part._replace(entries=[entry.seconds for entry in part.entries]))
    return part


def _part(windows: Sequence[Window], record: Sequence[Any]) -> Part:
    entries, seconds, disturbances = record
    points = [point for window in windows for point in window]
    return Part(
        tuple(Entry(*point, t) for point, t in zip(points, entries, strict=True)),
        seconds,
        tuple((kind, sentence) for kind, sentence in disturbances),
    )
