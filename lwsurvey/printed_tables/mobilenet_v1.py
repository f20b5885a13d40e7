"""MobileNet V1 (Howard et al. 2017): the body, the shares by layer type, the full twin."""

from __future__ import annotations

from functools import cache

import pandas as pd

from lwsurvey import cost
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.printed_tables import traced

NETWORK = "timm:mobilenetv1_100"
Cells = dict[str, int]


def layers() -> pd.DataFrame:
    """The weight layers of timm's network at 224 x 224, in the columns of `traced.Trace`.

    Indexed by the names that the claims use: ``conv``, ``dw1``, ``pw1`` ... ``fc``, given by
    what a layer is: depthwise layers and the 1 x 1 convolutions behind them are numbered.
    """
    rows = traced.library(NETWORK).weighted()
    names, pair = [], 0
    for row in rows.itertuples():
        pair += kind(row) == "dw"
        names.append(f"{kind(row)}{pair}" if kind(row) in ("dw", "pw") else kind(row))
    return rows.set_index(pd.Index(names, name="layer"))


def kind(row) -> str:
    """``dw``, ``pw``, ``fc`` or ``conv``, from kernel and groups of a row of a trace."""
    if row.kernel == ():
        return "fc"
    if row.G == row.N and row.G > 1:
        return "dw"
    return "pw" if row.K == 1 else "conv"


def body() -> Cells:
    """Cells of table 1 (C213): input side, channels and strides, layer by layer."""
    columns = {
        "conv": {"input side": "side", "in": "C", "out": "C_out", "stride": "s"},
        "dw": {"input side": "side", "in": "C", "stride": "s"},
        "pw": {"input side": "side", "in": "C", "out": "C_out"},
        "fc": {"in": "C", "out": "C_out"},
    }
    cells = _cells(columns)
    del cells[f"{_last_depthwise()}.stride"]  # a claim of its own
    return cells


def last_stride() -> int:
    """Stride of the last depthwise layer, printed as 2 (C214)."""
    return int(layers().s[_last_depthwise()])


def rest() -> Cells:
    """The cells of table 1 that `body` leaves: kernels, filters, strides of 1 x 1, the end."""
    columns = {
        "conv": {"kernel": "K"},
        "dw": {"kernel": "K", "filters": "M"},
        "pw": {"kernel": "K", "stride": "s"},
        "fc": {"input side": "side"},
    }
    network = traced.library(NETWORK)
    pool = network.layers[network.layers.kind == "AdaptiveAvgPool2d"].iloc[-1]
    end = network.layers.iloc[-1]
    return _cells(columns) | {
        "pool.kernel": int(pool.K), "pool.input side": int(pool.side), "pool.in": int(pool.C),
        "softmax.input side": int(end.side_out), "softmax.in": int(end.C_out),
    }  # fmt: skip


def shares() -> dict[str, float]:
    """Table 2 (C215): percent of MACs and of weights (no bias, no batch norm) by layer type."""
    names = {"pw": "1x1", "dw": "dw 3x3", "conv": "3x3", "fc": "fc"}
    rows = layers()
    by_kind = rows.groupby([names[kind(row)] for row in rows.itertuples()])
    added = by_kind[["macs", "weights"]].sum()
    percent = 100 * added / added.sum()
    printed = {"macs": "mult-adds", "weights": "parameters"}
    return {
        f"{name} {printed[what]}": float(percent.loc[name, what])
        for name in names.values()
        for what in printed
    }


@cache
def twins() -> pd.DataFrame:
    """The network and its twin of ordinary convolutions (table 4), at 224 x 224.

    Returns:
        Indexed by ``standard`` and ``separable``: ``macs``; ``weights`` of convolutions and
        classifier; ``parameters``, those of batch normalisation and the biases included.
    """
    rows = {block: _cost(block) for block in ("standard", "separable")}
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="block"))


def _cost(block: str, alpha: float = 1.0, side: int = 224) -> Cells:
    network = traced.on_meta(MobileNetV1, alpha, block)
    profile = cost.profile(network, (1, 3, side, side))
    weights = sum(p.numel() for p in network.parameters() if p.dim() > 1)
    return {"macs": profile.macs, "weights": weights, "parameters": profile.parameters}


def half_at_160() -> Cells:
    """``macs``, ``weights`` and ``parameters`` of "0.50 MobileNet-160" (table 9)."""
    return _cost("separable", 0.5, 160)


def _last_depthwise() -> str:
    return [name for name in layers().index if name.startswith("dw")][-1]


def _cells(columns: dict[str, dict[str, str]]) -> Cells:
    return {
        f"{name}.{printed}": int(row[column])
        for name, row in layers().iterrows()
        for printed, column in columns[name.rstrip("0123456789")].items()
    }
