"""Tables on disk: one JSON file each, written in one step, with a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lwsurvey import store
from lwsurvey.latency.lookup.errors import TableError
from lwsurvey.latency.lookup.grid import Grid
from lwsurvey.latency.lookup.layers import Layer
from lwsurvey.latency.lookup.measure import Entry, How, Part
from lwsurvey.provenance import provenance

VERSION = 1
"""Raised when entries are timed in another way than before."""


class Stored(NamedTuple):
    """What a file holds.

    Attributes:
        order: the layers of the network, as they run.
        axes: what is measured.
        how: it is timed.
        made: where and with what.
        parts: finished measurements.
    """

    order: tuple[Layer, ...]
    axes: Grid
    how: How
    made: Mapping[str, Any]
    parts: tuple[Part, ...] = ()


def name(table: Stored) -> str:
    """The file name of a table: a digest of what is measured, how, and with which PyTorch."""
    what = [[asdict(layer), table.axes[layer]] for layer in table.order]
    shape, seed = table.made["shape"], table.made["seed"]
    text = json.dumps([VERSION, torch.__version__, table.how, seed, shape, what])
    return f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"


def write(path: Path, table: Stored) -> None:
    """Store a table, finished or not."""
    number = {layer: i for i, layer in enumerate(table.axes)}
    body = {
        "version": VERSION,
        "made": dict(table.made),
        "how": table.how._asdict(),
        "layers": [{**asdict(layer), "axes": table.axes[layer]} for layer in number],
        "order": [number[layer] for layer in table.order],
        "parts": [_packed(part, number) for part in table.parts],
    }
    text = json.dumps({"sha256": _digest(body), **body})
    store.write(path, text + "\n")


def read(path: Path) -> Stored:
    """What `write` stored.

    Raises:
        TableError: no such file, or a damaged one, or one of another version of this package.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        intact = body.pop("sha256") == _digest(body)
    except FileNotFoundError:
        raise TableError(f"there is no table {path}; lookup.build measures one") from None
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path) from error
    if not intact:
        raise _damaged(path)
    if body["version"] != VERSION:
        raise TableError(f"{path} is of version {body['version']}, not {VERSION}: rebuild it")
    return _unpacked(body)


def _damaged(path: Path) -> TableError:
    return TableError(f"{path} is damaged; delete it, or build it again with rebuild=True")


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _packed(part: Part, number: Mapping[Layer, int]) -> dict[str, Any]:
    entries = [[number[e.layer], list(e.widths), e.seconds] for e in part.entries]
    return part._asdict() | {"entries": entries}


def _unpacked(body: dict[str, Any]) -> Stored:
    found = [(row.pop("axes"), Layer(**row)) for row in body["layers"]]
    axes = {layer: tuple(tuple(axis) for axis in values) for values, layer in found}
    layers = list(axes)
    parts = tuple(
        Part(
            tuple(Entry(layers[i], tuple(widths), t) for i, widths, t in part["entries"]),
            part["seconds"],
            tuple((kind, sentence) for kind, sentence in part["disturbances"]),
        )
        for part in body["parts"]
    )
    order = tuple(layers[i] for i in body["order"])
    return Stored(order, axes, How(**body["how"]), body["made"], parts)


def check_place(path: Path, table: Stored) -> None:
    """Refuse a table that was measured on another machine, or with another PyTorch.

    Machines with the same processor, as many cores and the same GPU count as one; whether the
    times are the same as well, `lwsurvey.latency.lookup.Table.check` tells.

    Raises:
        TableError: it was; the message says what differs and what to do.
    """
    then, here = table.made, provenance()
    pairs = {name: (then[name], here[name]) for name in ("processor", "cores")}
    pairs["PyTorch"] = then["packages"]["torch"], here["packages"]["torch"]
    if table.how.device != "cpu":
        pairs["GPU"] = then["gpu"], here["gpu"]
    if found := [f"{name} {a}, here {b}" for name, (a, b) in pairs.items() if a != b]:
        raise TableError(
            f"{path} was measured elsewhere ({'; '.join(found)}): build it here with "
            "rebuild=True, or take it, if it is finished, with elsewhere=True"
        )
