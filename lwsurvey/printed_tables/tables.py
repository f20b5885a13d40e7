"""The surveys' printed tables: which claims hold their cells, and the cells in printed order."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from lwsurvey.claims.ledger import Ledger, ledger
from lwsurvey.printed_tables.cells import compare, split
from lwsurvey.printed_tables.measures import MEASURES

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


def compared(claims: Ledger | None = None) -> dict[str, pd.DataFrame]:
    """Every compared cell of every table, in printed order, for `cells.picture`.

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
    """Sort cells by row, then by column; `cells.picture` takes both in order of appearance."""
    places = pd.DataFrame([split(cell) for cell in table.cell], columns=["row", "column"])
    for side, behind in (("row", rows), ("column", columns)):
        seen = [name for name in dict.fromkeys(places[side]) if name not in behind]
        ranks = {name: rank for rank, name in enumerate([*seen, *behind])}
        places[side] = places[side].map(ranks)
    return table.loc[places.sort_values(["row", "column"]).index].reset_index(drop=True)
