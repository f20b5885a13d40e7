"""From a trace to a table: one row for each call of a layer."""

from __future__ import annotations

from collections import Counter
from typing import Any

from torch import Tensor

from lwsurvey.cost.conventions import Conventions
from lwsurvey.cost.operators import kind
from lwsurvey.cost.receptive import Fields
from lwsurvey.cost.trace import Op, Tracer, results

_OVERWRITES = {"aten::copy_", "aten::fill_", "aten::zero_"}
_UNTOUCHED = {"view", "creation"}
GEOMETRY = ("N", "M", "kernel", "G", "stride")


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
