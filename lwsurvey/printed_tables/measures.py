"""What measures each claim on a cell or a column of a printed table."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from lwsurvey.printed_tables import googlenet, inception, mobilenets
from lwsurvey.printed_tables.cells import Measured

Measure = Callable[[], Measured]


def _twins(column: str) -> Measure:
    """Standard over separable."""
    return lambda: float(mobilenets.twins()[column].loc["standard"] / _separable(column))


def _separable(column: str) -> int:
    return mobilenets.twins()[column].loc["separable"]


def _of(table: Callable[[], pd.DataFrame], column: str, *rows: str) -> Measure:
    """A column of a table for the rows given; a single row is a single number."""

    def measured() -> Measured:
        found = {row: float(table()[column][row]) for row in rows}
        return found if len(rows) > 1 else found[rows[0]]

    return measured


V1, V3 = mobilenets.v1_comparison, mobilenets.v3_comparison
V3_MACS = ("V3-Large 1.0", "V3-Large 0.75", "MnasNet-A1", "V2 1.0", "V3-Small 1.0", "V3-Small 0.75")

MEASURES: dict[str, Measure] = {
    "C087": lambda: min(_twins("macs")(), _twins("weights")()),
    "C213": mobilenets.v1_body,
    "C214": mobilenets.v1_last_stride,
    "C215": mobilenets.v1_shares,
    "C216": lambda: mobilenets.v1_shares()["3x3 mult-adds"],
    "C217": lambda: min(mobilenets.v1_shares()[f"1x1 {of}"] for of in ("mult-adds", "parameters")),
    "C220": _of(V1, "parameters", "Conv MobileNet", "MobileNet"),
    "C221": _twins("weights"),
    "C222": _of(V1, "parameters", "GoogLeNet"),
    "C224": _of(V1, "macs", "0.50 MobileNet-160", "AlexNet"),
    "C225": _of(V1, "macs", "SqueezeNet"),
    "C235": mobilenets.v2_body,
    "C283": lambda: mobilenets.v3_body("large"),
    "C284": lambda: mobilenets.v3_body("small"),
    "C285": mobilenets.v3_small_last_se,
    "C286": _of(V3, "macs", *V3_MACS),
    "C295": googlenet.outline,
    "C296": googlenet.parameters,
    "C297": lambda: float(googlenet.rows().weights["conv1"] / 1000),
    "C298": _of(googlenet.rows, "macs", "conv1"),
    "C299": _of(googlenet.rows, "parameters_k", "4a"),
    "C300": _of(googlenet.rows, "parameters_k", "4d"),
    "C301": _of(googlenet.rows, "parameters_k", "4e"),
    "C302": _of(googlenet.rows, "parameters_k", "5b"),
    "C303": _of(googlenet.rows, "parameters_k", "4c"),
    "C304": _of(googlenet.rows, "parameters_k", "5a"),
    "C305": _of(googlenet.rows, "macs", "5a"),
    "C306": lambda: googlenet.printed_total("params"),
    "C318": inception.v3_sides,
    "C319": inception.unpadded_row,
    "C609": _of(V1, "macs", "Conv MobileNet", "MobileNet"),
    "C611": _twins("macs"),
    "C613": _of(V1, "macs", "GoogLeNet"),
    "C614": _of(V1, "macs", "VGG16"),
    "C615": _of(V1, "parameters", "VGG16"),
    "C616": _of(V1, "parameters", "0.50 MobileNet-160", "SqueezeNet"),
    "C617": _of(V1, "parameters", "AlexNet"),
    "C658": _of(V3, "macs", "V2 0.35"),
    "C659": _of(V3, "parameters", *V3_MACS, "V2 0.35"),
    "C666": googlenet.operations,
    "C667": lambda: googlenet.printed_total("ops"),
    "C809": mobilenets.v1_rest,
    "C810": mobilenets.v2_rest,
    "C811": lambda: mobilenets.v3_rest("large"),
    "C812": lambda: mobilenets.v3_rest("small"),
    "C813": _of(V3, "macs", "Proxyless"),
    "C814": _of(V3, "parameters", "Proxyless"),
    "C816": googlenet.rest,
    "C817": googlenet.filters,
    "C818": inception.v3_outline,
}
"""What to give `claims.check` for a claim, by its id."""
