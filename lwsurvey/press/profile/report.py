"""What `lwsurvey profile` tells: rows, totals, a summary in words, and how counts are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral, Real

import pandas as pd
import torch

from lwsurvey.cost import table
from lwsurvey.cost.profile import Profile

PREFIXES = ((12, "T"), (9, "G"), (6, "M"), (3, "k"))
_SHARES = ("calls", "macs", "macs_share", "parameters", "parameters_share")
COLUMNS = {
    "layer": ("name", "type", "output", "macs", "parameters", "memory_access"),
    "type": ("type", *_SHARES, "activations", "memory_access"),
    "stage": ("stage", *_SHARES, "activations", "memory_access"),
}
HEADS = {  # short, so that 80 columns do
    "name": "layer",
    "macs_share": "%",
    "parameters": "params",
    "parameters_share": "%",
    "activations": "act.",
    "memory_access": "mem.",
}


@dataclass(frozen=True)
class Report:
    """A count, and what was counted.

    Attributes:
        network: full name, such as ``torchvision:resnet50``.
        inputs: as given to `lwsurvey.cost.profile`.
        profile: the count.
        by: ``layer``, ``type`` or ``stage``.
        dtype: of all elements, for sizes in bytes.
        settings: other options of the count, such as the width.
        versions: of the libraries that the count depends on.
        remarks: warnings, and what else is worth knowing.
    """

    network: str
    inputs: tuple
    profile: Profile
    by: str = "stage"
    dtype: torch.dtype = torch.float32
    settings: dict[str, object] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def frame(self) -> pd.DataFrame:
        """Exact rows: one for each call of a layer, each type, or each stage.

        Raises:
            ValueError: ``by`` is none of these.
        """
        if self.by != "layer":
            return self.profile.by(self.by).reset_index()
        frame = self.profile.layers.copy()
        frame.insert(2, "type", table.types(frame))
        for column in ("macs", "parameters"):
            place = frame.columns.get_loc(column) + 1
            frame.insert(place, f"{column}_share", _share(frame[column]))
        return frame

    def head(self) -> list[str]:
        """Headings of the columns that people read."""
        heads = HEADS | {"macs": self.unit}
        return [heads.get(name, name) for name in COLUMNS[self.by]]

    def cells(self) -> list[list[str]]:
        """The columns that people read as text, row by row; the last row is the total."""
        frame, columns = self.frame(), COLUMNS[self.by]
        rows = zip(*(frame[name] for name in columns), strict=True)
        total = self._totals() | {columns[0]: "total"}
        last = [cell(total.get(name)) for name in columns]
        return [[cell(value) for value in row] for row in rows] + [last]

    def _totals(self) -> dict[str, object]:
        sums = {name: getattr(self.profile, name) for name in table.SUMS}
        sums["calls"] = len(self.profile.layers)
        return sums | {f"{name}_share": 100.0 for name in ("macs", "parameters") if sums[name]}

    def field(self) -> tuple[str, tuple[int, ...], tuple[int, ...]] | None:
        """Layer, receptive field and sides of the last map of more than one position."""
        for row in self.profile.layers[::-1].itertuples():
            sides = tuple(row.output[2:]) if row.receptive_field else ()
            if any(side > 1 for side in sides):
                return row.name or "the output", row.receptive_field, sides
        return None

    @property
    def unit(self) -> str:
        """What the conventions count: ``MACs``, or ``FLOPs`` where a product counts two."""
        return "MACs" if self.profile.conventions.unit == 1 else "FLOPs"

    @property
    def type(self) -> str:
        """The name of the type of elements, such as ``float32``."""
        return str(self.dtype).removeprefix("torch.")

    def summary(self) -> list[tuple[str, str]]:
        """Names and values of the totals, for a reader."""
        p = self.profile
        access, peak = p.bytes(self.dtype), p.peak_bytes(self.dtype)
        return [
            (self.unit, f"{exact(p.macs)} by the conventions {p.conventions.name!r}"),
            ("parameters", exact(p.parameters)),
            (
                "activations",
                f"{exact(p.activations)} elements that convolutions and products write",
            ),
            ("memory access", elements(p.memory_access, access, self.type)),
            ("peak activations", elements(p.peak_activations, peak, self.type)),
            ("receptive field", _field(self.field())),
            ("not counted", _calls(p.uncounted)),
            ("never read", _unused(p)),
        ]


def _share(counts: pd.Series) -> pd.Series:
    return 100.0 * counts / counts.sum() if counts.sum() else counts * 0.0


def _field(found: tuple | None) -> str:
    if found is None:
        return "not defined"
    name, size, sides = found
    return f"{cell(size)} pixels of the input at {name}, a map of {cell(sides)}"


def _calls(uncounted: dict[str, int]) -> str:
    return ", ".join(f"{name} ({n} calls)" for name, n in uncounted.items()) or "nothing"


def _unused(p: Profile) -> str:
    if not p.unused:
        return "no parameter"
    number = p.parameters - int(p.layers.parameters.sum())
    named = ", ".join(p.unused[:3]) + (" ..." if len(p.unused) > 3 else "")
    return f"{short(number)} of the parameters, in {len(p.unused)} tensors: {named}"


def short(number: int) -> str:
    """Four significant digits and a prefix, as ``4.089 G``; below 1000 the number itself."""
    for power, prefix in PREFIXES:
        scaled = float(f"{number / 10**power:.4g}")  # rounded first: 999 960 is 1.000 M
        if scaled >= 1:
            return f"{scaled:.{max(4 - len(str(int(scaled))), 0)}f} {prefix}"
    return str(number)


def exact(number: int) -> str:
    """As `short`, with the whole number behind it."""
    return short(number) if number < 1000 else f"{short(number)} ({number:,})"


def elements(number: int, size: int, type_: str) -> str:
    """A number of elements with its size in bytes, all elements being of one type."""
    unit = "bytes" if size < 1000 else f"{short(size).split()[1]}B"
    return f"{short(number)} elements, {short(size).split()[0]} {unit} as {type_}"


def shape(sides: tuple[int, ...]) -> str:
    """A shape as ``1x3x224x224``."""
    return "x".join(map(str, sides))


def cell(value: object) -> str:
    """A cell of a table: counts short, shares to a hundredth, shapes with crosses."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "×".join(map(str, value))
    if isinstance(value, Integral):
        return short(int(value))
    return f"{value:.2f}" if isinstance(value, Real) else str(value)
