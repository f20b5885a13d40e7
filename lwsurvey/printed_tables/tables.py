"""The surveys' printed tables: what measures each claim on them, and all cells in printed order."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from lwsurvey.claims.ledger import Ledger, ledger
from lwsurvey.printed_tables import comparisons, googlenet, inception, mobilenets
from lwsurvey.printed_tables.cells import Measured, compare, split

Measure = Callable[[], Measured]


def _twins(column: str) -> Measure:
    """Standard over separable."""

    def measured() -> float:
        counted = mobilenets.twins()[column]
        return float(counted["standard"] / counted["separable"])

    return measured


def _of(table: Callable[[], pd.DataFrame], column: str, *rows: str) -> Measure:
    """A column of a table for the rows given; a single row is a single number."""

    def measured() -> Measured:
        found = {row: float(table()[column][row]) for row in rows}
        return found if len(rows) > 1 else found[rows[0]]

    return measured


V1, V3 = comparisons.v1, comparisons.v3
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

MACS, PARAMETERS = "{}.MACs".format, "{}.params".format


def _v1_share(cell: str) -> str:
    return cell.replace(" mult-adds", ".MACs").replace(" parameters", ".params")


def _v2_body(cell: str) -> str:
    return cell.replace(".out", ".c").replace(".stride", ".s")


TABLES: dict[str, dict[str, Callable[[str], str]]] = {
    "MobileNet V1, body": {"C213": str, "C214": "dw13.stride".format, "C809": str},
    "MobileNet V1, shares": {"C215": _v1_share},
    "V1 among others": {
        "C609": MACS, "C220": PARAMETERS,
        "C613": "GoogLeNet.MACs".format, "C222": "GoogLeNet.params".format,
        "C614": "VGG16.MACs".format, "C615": "VGG16.params".format,
        "C224": MACS, "C616": PARAMETERS,
        "C225": "SqueezeNet.MACs".format, "C617": "AlexNet.params".format,
    },
    "MobileNet V2, body": {"C235": _v2_body, "C810": _v2_body},
    "MobileNet V3-Large": {"C283": str, "C811": str},
    "MobileNet V3-Small": {"C284": str, "C812": str, "C285": "last.se".format},
    "V3 among others": {
        "C286": MACS, "C659": PARAMETERS, "C658": "V2 0.35.MACs".format,
        "C813": "Proxyless.MACs".format, "C814": "Proxyless.params".format,
    },
    "GoogLeNet": {
        "C295": lambda cell: "sum.depth" if cell == "depth" else cell,
        "C816": str, "C817": str, "C296": PARAMETERS, "C666": "{}.ops".format,
    },
    "Inception V3, outline": {
        "C818": str, "C318": "{}.output".format, "C319": "conv 35.output".format,
    },
}  # fmt: skip
"""The surveys' tables: the claims that hold their cells, and how a cell is named."""

_BODY_END = ("pool", "fc", "softmax")
_V3_COLUMNS = ("side", "in", "kernel", "exp", "out", "se", "hs", "s", "bn")
ORDER: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "MobileNet V1, body": (_BODY_END, ("kernel", "filters", "stride")),
    "V1 among others": ((), ("MACs", "params")),
    "MobileNet V2, body": (
        ("last 1x1", "avgpool", "classifier", "later blocks"),
        ("input side", "in", "kernel", "t", "other t", "c", "n", "s"),
    ),
    "MobileNet V3-Large": ((), _V3_COLUMNS),
    "MobileNet V3-Small": ((), _V3_COLUMNS),
    "V3 among others": (("V2 1.0", "V3-Small 1.0", "V3-Small 0.75", "V2 0.35"), ()),
    "GoogLeNet": (
        ("pool1", "conv2", "pool2", "3a", "3b", "pool3", "4a", "4b", "4c", "4d", "4e", "pool4",
         "5a", "5b", "avgpool", "dropout", "linear", "softmax", "sum"),
        ("patch", "stride", "side", "out", "depth", "#1x1", "#3x3 reduce", "#3x3",
         "#5x5 reduce", "#5x5", "pool proj", "params", "ops"),
    ),
    "Inception V3, outline": (
        ("3 x Inception", "reduction 35", "5 x Inception", "reduction 17", "2 x Inception",
         "pool 8", "linear", "softmax"),
        ("side", "in", "output"),
    ),
}  # fmt: skip
"""Rows and columns that stand, in this order, behind those that the claims begin with."""


def compare_all(claims: Ledger | None = None) -> dict[str, pd.DataFrame]:
    """Every compared cell of every table, in printed order, for `cells.figure`.

    Args:
        claims: a ledger other than the book's.
    """
    book = ledger() if claims is None else claims
    found = {}
    for title, parts in TABLES.items():
        cells = [compare(MEASURES[claim](), claim, how, book) for claim, how in parts.items()]
        found[title] = _ordered(pd.concat(cells, ignore_index=True), *ORDER.get(title, ((), ())))
    return found


def _ordered(table: pd.DataFrame, rows: tuple[str, ...], columns: tuple[str, ...]) -> pd.DataFrame:
    """Sort cells by row, then by column; `cells.figure` takes both in order of appearance."""
    places = pd.DataFrame([split(cell) for cell in table.cell], columns=["row", "column"])
    for side, behind in (("row", rows), ("column", columns)):
        seen = [name for name in dict.fromkeys(places[side]) if name not in behind]
        ranks = {name: rank for rank, name in enumerate([*seen, *behind])}
        places[side] = places[side].map(ranks)
    return table.loc[places.sort_values(["row", "column"]).index].reset_index(drop=True)
