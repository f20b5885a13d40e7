"""Published networks with their accuracy on ImageNet and their latency on a Pixel 1."""

from __future__ import annotations

import pandas as pd

from lwsurvey import paths

TARGET = 75.0
"""Milliseconds: the target of the search that found MnasNet-A1 to A3."""

FOUND = ("MnasNet-A1", "MnasNet-A2", "MnasNet-A3")
"""The networks that this search returned."""

_COLUMNS = ["network", "top1", "latency", "input"]


def mnasnet() -> pd.DataFrame:
    """The networks of the MnasNet paper and code with a latency, fastest first.

    Returns:
        Index ``network``; columns ``top1`` (ImageNet, per cent), ``latency`` (ms) and ``input``
        (side of the image). Figures that no stored text confirms are left out (MnasNet-B1).
    """
    table1 = _read("mnasnet_table1")
    confirmed = table1[table1.pixel1_ms.notna() & (table1.source != "M")]
    # Table 5 has one network that table 1 has not; A1 of table 6 is in table 1.
    cells = _read("mnasnet_table5").query("latency_ms == 100").assign(name="cells, both goals")
    variants = _read("mnasnet_table6").query("variant != 'MnasNet-A1'")
    scaled = scaling()
    known = (scaled.input == 224) & scaled.multiplier.isin([1, 0.35])  # in tables 1 and 4
    cloud = pd.concat([
        _rename(confirmed, "model", "pixel1_ms"),
        _rename(_read("mnasnet_table4"), "model", "latency_ms"),
        _rename(cells, "name", "latency_ms"),
        _rename(variants, "variant", "latency_ms"),
        scaled.loc[~known, _COLUMNS],
    ])  # fmt: skip
    return cloud.set_index("network").sort_values("latency")


def scaling() -> pd.DataFrame:
    """A1's published widths and resolutions: `mnasnet`'s columns and ``multiplier``."""
    frame = _read("mnasnet_a1_scaling").rename(columns={"pixel1_ms": "latency"})
    side = [f" at {side}" if side != 224 else "" for side in frame.input]
    names = [f"A1 {m:g}x{at}" for m, at in zip(frame.multiplier, side, strict=True)]
    return frame.assign(network=names)[[*_COLUMNS, "multiplier"]]


def v3(column: str = "P1_ms_final") -> pd.DataFrame:
    """The networks of MobileNet V3's table 3, fastest first; columns as `mnasnet`.

    Args:
        column: phone (``P1``, ``P2``, ``P3``) and version (``final``, ``arxiv1``).
    """
    frame = _read("mobilenetv3_table3").rename(columns={column: "latency"}).assign(input=224)
    return frame[_COLUMNS].set_index("network").sort_values("latency")


def _rename(frame: pd.DataFrame, name: str, latency: str) -> pd.DataFrame:
    renamed = frame.rename(columns={name: "network", latency: "latency"})
    return renamed.assign(input=224)[_COLUMNS]


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(paths.data(f"papers/papers_{name}.csv"))
