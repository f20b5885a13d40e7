"""Tables of the chapter: printed and counted cells, and networks in all that is counted."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from lwsurvey import cost
from lwsurvey.chapters.network_cost.networks import WIDE, profile_of, used_parameters
from lwsurvey.cost import shares
from lwsurvey.printed_tables.cells import split

MARK = {True: "", False: "✗"}
MEGA = 1e6


def pivot(table: pd.DataFrame, columns: Iterable[str] = ()) -> pd.DataFrame:
    """One row for each row of the printed table: printed and counted, side by side.

    Args:
        table: as `lwsurvey.printed_tables.cells.compare` returns it, with cells named
            ``row.column``.
        columns: those to show, in this order; all if none is given. A counted cell that
            differs has a cross.

    Returns:
        Texts; empty where the printed table has no such cell.

    Raises:
        ValueError: no cell has one of the columns.
    """
    rows, names = zip(*map(split, table.cell), strict=True)
    named = table.assign(row=rows, column=names)
    shown: dict[str, pd.Series] = {}
    for column in columns or dict.fromkeys(names):
        cells = named[named.column == column].set_index("row")
        if cells.empty:
            known = ", ".join(sorted(set(names)))
            raise ValueError(f"no cell of a column {column!r}; there are {known}")
        shown[f"{column}, printed"] = cells.printed.map("{:,g}".format)
        counted = zip(cells.counted, cells.agrees, strict=True)
        texts = [f"{_digits(value)} {MARK[bool(agrees)]}".strip() for value, agrees in counted]
        shown[f"{column}, counted"] = pd.Series(texts, index=cells.index)
    order = list(dict.fromkeys(row for row, name in zip(rows, names, strict=True)))
    frame = pd.DataFrame(shown).reindex(order).dropna(how="all").fillna("")
    return frame.rename_axis("row")


def _digits(value: float) -> str:
    """Four significant digits, or all of them before the decimal point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def wide_table(names: Iterable[str] = tuple(WIDE)) -> pd.DataFrame:
    """One row for each network on one image of its own size.

    Args:
        names: keys of `networks.WIDE`.

    Returns:
        Indexed by network: millions of ``MACs``, ``params``, ``activ.`` (activations),
        elements of memory ``access`` and of ``peak`` memory; largest receptive ``field`` in
        pixels; shares of the MACs in depthwise (``dw %``) and pointwise convolutions.
    """
    rows = {name: _row(profile_of(WIDE[name])) for name in names}
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="network"))


def versions_table(names: dict[str, str]) -> pd.DataFrame:
    """A few networks, in the numbers that descend or do not from one to the next.

    Args:
        names: our name of each -> what `networks.profile_of` counts.

    Returns:
        Indexed by network: ``layers`` (with weights), and the millions of `wide_table`.
    """
    rows = {}
    for name, counted_name in names.items():
        profile = profile_of(counted_name)
        rows[name] = {"layers": shares.depth(profile)} | _millions(profile)
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="network"))


def _row(profile: cost.Profile) -> dict[str, object]:
    return {
        **_millions(profile),
        "MACs": round(profile.macs / MEGA),
        "field": largest_field(profile),
        "dw %": shares.share(profile, "depthwise"),
        "pw %": shares.share(profile, "pointwise"),
    }


def _millions(profile: cost.Profile) -> dict[str, float]:
    return {
        "MACs": profile.macs / MEGA,
        "params": used_parameters(profile) / MEGA,
        "activ.": profile.activations / MEGA,
        "access": profile.memory_access / MEGA,
        "peak": profile.peak_activations / MEGA,
    }


def largest_field(profile: cost.Profile) -> int:
    """Side of the largest receptive field of a convolution on a feature map.

    Convolutions on 1 x 1 maps, as in squeeze-and-excitation, see the whole image through the
    mean before them and do not count.

    Raises:
        ValueError: no convolution has a receptive field.
    """
    layers = shares.convolutions(profile)
    on_maps = [max(output[2:]) > 1 for output in layers.output]
    fields = [field for field in layers.receptive_field[on_maps] if field is not None]
    if not fields:
        raise ValueError("no convolution of this network has a receptive field")
    return max(max(field) for field in fields)
