"""The table of a trace: one row for each call of a layer, or for each layer, type or stage."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
from torch import Tensor

from lwsurvey.cost.conventions import Conventions
from lwsurvey.cost.dataflow import Fields
from lwsurvey.cost.operators import kind
from lwsurvey.cost.trace import Op, Tracer, results

_OVERWRITES = {"aten::copy_", "aten::fill_", "aten::zero_"}
_UNTOUCHED = {"view", "creation"}
GEOMETRY = ("N", "M", "kernel", "G", "stride")
SUMS = ["macs", "parameters", "activations", "memory_access"]
WAYS = ("layer", "type", "stage")


class Tally:
    """Adds up what the operators of a trace cost.

    Attributes:
        rows: one dictionary for each call of a layer, in the order of the calls.
        unknown: operators that cannot be counted, with the number of their calls.
        touched: ids of the parameters that an operator has read.
    """

    def __init__(
        self,
        tracer: Tracer,
        parameters: dict[int, int],
        inputs: list[Tensor],
        conventions: Conventions,
    ) -> None:
        self.rows = [_empty_row(call.name, call.kind) for call in tracer.calls]
        self.unknown: Counter[str] = Counter()
        self.touched: set[int] = set()
        self._parameters, self._conventions = parameters, conventions
        self._fields = Fields(inputs)
        for op in tracer.ops:
            self._add(op, self.rows[op.call.index])

    def _add(self, op: Op, row: dict[str, Any]) -> None:
        what, name = kind(op.func)
        given = op.given
        self._own(given, row)
        field = self._fields.of(op, given, op.out)
        if what in _UNTOUCHED:
            return
        written = sum([tensor.numel() for tensor in results(op)])
        reads = given[1:] if op.func._schema.name in _OVERWRITES else given
        row["read"] += sum([tensor.numel() for tensor in reads])
        row["written"] += written
        row["macs"] += self._conventions.cost(what, name, op, given, written)
        out = op.out[0] if isinstance(op.out, tuple) else op.out
        if isinstance(out, Tensor):
            row["output"] = tuple(out.shape)
        row["field"] = field
        if what == "product":
            self._product(op, name, row, out)
        elif what == "unknown" and given:
            self.unknown[op.func._schema.name] += 1

    def _own(self, given: list[Tensor], row: dict[str, Any]) -> None:
        for tensor in given:
            key = id(tensor)
            if key in self._parameters and key not in self.touched:
                self.touched.add(key)
                row["parameters"] += self._parameters[key]

    def _product(self, op: Op, name: str, row: dict[str, Any], out: Tensor) -> None:
        row["products"] += 1
        row["activations"] += out.numel()
        row["map"] = tuple(out.shape[2:]) if name == "convolution" else None
        row.update(_geometry(op, name) if row["products"] == 1 else dict.fromkeys(GEOMETRY))


def _empty_row(name: str, kind_: str) -> dict[str, Any]:
    numbers = dict.fromkeys(("macs", "parameters", "activations", "read", "written"), 0)
    return {"name": name, "kind": kind_, **numbers, "products": 0, "output": None, "field": None}


def _geometry(op: Op, name: str) -> dict[str, Any]:
    if name == "convolution":
        _, weight, _, stride, _, _, transposed, _, groups = op.args[:9]
        a, b = weight.shape[0], weight.shape[1] * groups
        N, M = (a, b) if transposed else (b, a)
        return {
            "N": N, "M": M, "kernel": tuple(weight.shape[2:]), "G": groups,
            "stride": tuple(stride),
        }  # fmt: skip
    if name in ("mm", "addmm"):
        N, M = op.args[1 if name == "mm" else 2].shape
        return {"N": N, "M": M, "kernel": (), "G": 1, "stride": ()}
    return dict.fromkeys(GEOMETRY)


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The columns of `Profile.layers` out of the rows of a `Tally`."""
    columns = {
        name: [row[name] for row in rows]
        for name in ("name", "kind", "macs", "parameters", "activations", "read", "written")
    }
    columns["memory_access"] = [row["read"] + row["written"] for row in rows]
    columns["output"] = [row["output"] for row in rows]
    fields = [row["field"] for row in rows]
    columns["receptive_field"] = [None if f is None else f.size for f in fields]
    for name in ("kernel", "stride", "map"):
        columns[name] = [row.get(name) for row in rows]
    for name in ("N", "M", "G"):
        columns[name] = pd.array([row.get(name) for row in rows], dtype="Int64")
    return pd.DataFrame(columns)


def totals(layers: pd.DataFrame, what: str) -> pd.DataFrame:
    """One row for each layer, type of layer, or stage, in order of first appearance.

    Args:
        layers: of a `Profile`.
        what: ``layer`` (several calls of a shared module become one row), ``type`` (the class,
            where a convolution is told apart as depthwise, pointwise or grouped), or
            ``stage`` (the parts that the network's own module tree has: the longest common
            container is opened until no part holds more than half of the layers).

    Returns:
        Indexed by the group: ``calls``, ``macs``, ``parameters``, ``activations``,
        ``memory_access``, and the shares of MACs and parameters in percent.

    Raises:
        ValueError: ``what`` is none of these.
    """
    if what not in WAYS:
        raise ValueError(f"group by one of {', '.join(WAYS)}, not {what!r}")
    names = layers.name.tolist()
    key = types(layers) if what == "type" else stages(names) if what == "stage" else names
    table = layers[SUMS].assign(calls=1).groupby(pd.Index(key, name=what), sort=False).sum()
    for column in ("macs", "parameters"):
        total = table[column].sum()
        table[f"{column}_share"] = 100 * table[column] / total if total else 0.0
    return table[["calls", *SUMS, "macs_share", "parameters_share"]]


def types(layers: pd.DataFrame) -> list[str]:
    """The type of each layer: its class, or what kind of convolution it is."""
    rows = zip(layers.kind, layers.N, layers.M, layers.kernel, layers.G, strict=True)
    return [_type(*row) for row in rows]


def _type(kind: str, N: object, M: object, kernel: object, G: object) -> str:
    if not kernel or kernel != kernel:  # no convolution
        return kind
    size = "×".join(map(str, kernel))
    if G == N and G > 1:
        return f"depthwise {size}"
    if G > 1:
        return f"grouped {size}"
    return "pointwise" if set(kernel) == {1} else f"convolution {size}"


def stages(names: list[str]) -> list[str]:
    """The stage of each dotted path."""
    depth: dict[str, int] = {"": 0}
    prefix = ""
    while True:
        inside = [name for name in names if _inside(name, prefix)]
        parts = [_part(name, prefix) for name in inside]
        largest = max(set(parts), key=parts.count, default=prefix)
        if largest == prefix or parts.count(largest) * 2 <= len(names):
            break
        if not any(_inside(name, largest) and name != largest for name in names):
            break
        depth[largest] = 1
        prefix = largest
    return [_stage(name, depth) for name in names]


def _inside(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith(prefix + ".")


def _part(name: str, prefix: str) -> str:
    if name in ("", prefix):
        return name
    rest = name[len(prefix) + 1 :] if prefix else name
    head = rest.split(".")[0]
    return f"{prefix}.{head}" if prefix else head


def _stage(name: str, opened: dict[str, int]) -> str:
    stage = ""
    while True:
        further = _part(name, stage)
        if further == stage:
            return stage or "(the network itself)"
        stage = further
        if stage not in opened:
            return stage
