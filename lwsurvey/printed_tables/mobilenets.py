"""The MobileNets' tables (Howard et al. 2017, Sandler et al. 2018, Howard et al. 2019).

Of V1 the body, the shares by layer type and the twin of ordinary convolutions; of V2 and V3 the
bodies.
"""

from __future__ import annotations

from functools import cache
from itertools import groupby

import pandas as pd

from lwsurvey import cost
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.printed_tables import traces

V1 = "timm:mobilenetv1_100"
V2 = "torchvision:mobilenet_v2"
V3 = {
    "large": "torchvision:mobilenet_v3_large",
    "small": "torchvision:mobilenet_v3_small",
}
HEAD = {"classifier.0": "head", "classifier.1": "head", "classifier.3": "classifier"}
Cells = dict[str, float]


def v1_layers() -> pd.DataFrame:
    """The weight layers of timm's network at 224 x 224, in the columns of `traces.Trace`.

    Indexed by the names that the claims use: ``conv``, ``dw1``, ``pw1`` ... ``fc``, given by
    what a layer is: depthwise layers and the 1 x 1 convolutions behind them are numbered.
    """
    rows = traces.library(V1).weighted()
    names, pair = [], 0
    for kind in map(_v1_kind, rows.itertuples()):
        pair += kind == "dw"
        names.append(f"{kind}{pair}" if kind in ("dw", "pw") else kind)
    return rows.set_index(pd.Index(names, name="layer"))


def _v1_kind(row) -> str:
    """``dw``, ``pw``, ``fc`` or ``conv``, from kernel and groups of a row of a trace."""
    if row.kernel == ():
        return "fc"
    if row.G == row.N and row.G > 1:
        return "dw"
    return "pw" if row.K == 1 else "conv"


def v1_body() -> Cells:
    """Cells of table 1 (C213): input side, channels and strides, layer by layer."""
    columns = {
        "conv": {"input side": "side", "in": "C", "out": "C_out", "stride": "s"},
        "dw": {"input side": "side", "in": "C", "stride": "s"},
        "pw": {"input side": "side", "in": "C", "out": "C_out"},
        "fc": {"in": "C", "out": "C_out"},
    }
    cells = _v1_cells(columns)
    del cells[f"{_last_depthwise()}.stride"]  # a claim of its own
    return cells


def v1_last_stride() -> int:
    """Stride of the last depthwise layer, printed as 2 (C214)."""
    return int(v1_layers().s[_last_depthwise()])


def v1_rest() -> Cells:
    """The cells of table 1 that `v1_body` leaves: kernels, filters, strides of 1 x 1, the end."""
    columns = {
        "conv": {"kernel": "K"},
        "dw": {"kernel": "K", "filters": "M"},
        "pw": {"kernel": "K", "stride": "s"},
        "fc": {"input side": "side"},
    }
    network = traces.library(V1)
    pool = network.layers[network.layers.kind == "AdaptiveAvgPool2d"].iloc[-1]
    end = network.layers.iloc[-1]
    return _v1_cells(columns) | {
        "pool.kernel": int(pool.K), "pool.input side": int(pool.side), "pool.in": int(pool.C),
        "softmax.input side": int(end.side_out), "softmax.in": int(end.C_out),
    }  # fmt: skip


def v1_shares() -> dict[str, float]:
    """Table 2 (C215): percent of MACs and of weights (no bias, no batch norm) by layer type."""
    names = {"pw": "1x1", "dw": "dw 3x3", "conv": "3x3", "fc": "fc"}
    rows = v1_layers()
    by_kind = rows.groupby([names[_v1_kind(row)] for row in rows.itertuples()])
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
    network = traces.on_meta(MobileNetV1, alpha, block)
    profile = cost.profile(network, (1, 3, side, side))
    weights = sum(p.numel() for p in network.parameters() if p.dim() > 1)
    return {"macs": profile.macs, "weights": weights, "parameters": profile.parameters}


def half_at_160() -> Cells:
    """``macs``, ``weights`` and ``parameters`` of "0.50 MobileNet-160" (table 9)."""
    return _cost("separable", 0.5, 160)


def _last_depthwise() -> str:
    return [name for name in v1_layers().index if name.startswith("dw")][-1]


def _v1_cells(columns: dict[str, dict[str, str]]) -> Cells:
    return {
        f"{name}.{printed}": int(row[column])
        for name, row in v1_layers().iterrows()
        for printed, column in columns[name.rstrip("0123456789")].items()
    }


def v2_body() -> Cells:
    """Cells of table 2 (C235); a row of blocks is named by the input of its first block."""
    stem, *_, last, classifier = _v2_layers().itertuples()
    cells = {"stem.input side": stem.side, "stem.out": stem.C_out, "stem.stride": stem.s}
    for row in _v2_rows():
        first = row[0]
        name = f"row {first['side']}x{first['C']}"
        cells |= {f"{name}.{key}": first[key] for key in ("t", "c", "s")} | {f"{name}.n": len(row)}
    cells |= {"last 1x1.input side": last.side, "last 1x1.in": last.C}
    cells |= {"last 1x1.out": last.C_out, "classifier.in": classifier.C}
    return _whole(cells)


def v2_rest() -> Cells:
    """The cells that `v2_body` leaves, and the caption's two rules on the blocks within a row."""
    stem, *_, last, classifier = _v2_layers().itertuples()
    later = [(block, row[0]) for row in _v2_rows() for block in row[1:]]
    layers = traces.library(V2).layers
    pooled = layers[layers.kind == "MobileNetV2"].iloc[0]  # the network's own code pools the map
    before, after = last.side_out, pooled.side_out
    before_blocks, behind_blocks = _v2_outside()
    cells = {
        "stem.in": stem.C, "stem.n": before_blocks,
        "last 1x1.kernel": last.K, "last 1x1.stride": last.s, "last 1x1.n": behind_blocks,
        "avgpool.kernel": before // after, "avgpool.input side": before, "avgpool.in": last.C_out,
        "classifier.input side": classifier.side, "classifier.kernel": classifier.K,
        "later blocks.s": max(block["s"] for block, _ in later),
        "later blocks.other t": sum(block["t"] != first["t"] for block, first in later),
    }  # fmt: skip
    return _whole(cells)


def _v2_layers() -> pd.DataFrame:
    return traces.library(V2).weighted()


def _v2_outside() -> tuple[int, int]:
    """How many convolutions stand before the first and behind the last block."""
    blocks = [int(row.name.split(".")[1]) for row in _v2_depthwise()]
    parts = [int(name.split(".")[1]) for name in _v2_layers().name if name.startswith("features.")]
    return sum(part < blocks[0] for part in parts), sum(part > blocks[-1] for part in parts)


def _v2_depthwise() -> list:
    return [row for row in _v2_layers().itertuples() if row.G == row.N and row.G > 1]


def _v2_rows() -> list[list[dict[str, float]]]:
    """Blocks with equal output channels that follow each other, from first to last."""
    network = traces.library(V2)
    blocks = []
    for depthwise in _v2_depthwise():
        convolutions = network.inside(".".join(depthwise.name.split(".")[:2]))
        convolutions = convolutions[convolutions.N.notna()]
        first, last = convolutions.iloc[0], convolutions.iloc[-1]
        t = depthwise.N / first.C
        blocks.append({"side": first.side, "C": first.C, "t": t, "c": last.M, "s": depthwise.s})
    return [list(row) for _, row in groupby(blocks, key=lambda block: block["c"])]


def v3_body(size: str) -> Cells:
    """Cells of table 1 (``large``, C283) or 2 (``small``, C284).

    ``side`` and ``in`` belong to the input, ``exp`` to the depthwise layer; ``se`` and ``hs``
    say whether there is squeeze-and-excitation and whether the activations are h-swish.
    """
    cells: Cells = {}
    for name, part in _v3_parts(size).items():
        for key, value in _v3_row(part).items():
            if key in V3_COLUMNS["block" if name.startswith("b") else name]:
                cells[f"{name}.{key}"] = value
    return cells


V3_COLUMNS = {
    "stem": ("in", "side", "out", "hs", "s"),
    "block": ("side", "in", "kernel", "exp", "out", "se", "hs", "s"),
    "last": ("in", "side", "out", "hs", "s"),
    "pool": ("side", "in"),
    "head": ("in", "side", "out", "hs", "s"),
    "classifier": ("in", "side", "s"),
}
"""What the claims compare of each row; the rest of a row is in `V3_REST`."""

V3_REST = {
    "large": {
        "stem": ("se",), "last": ("kernel", "se"), "pool": ("kernel",),
        "head": ("kernel", "se", "bn"), "classifier": ("kernel", "se", "hs", "bn"),
    },
    "small": {
        "stem": ("kernel", "se"), "last": ("kernel",), "pool": ("kernel",),
        "head": ("kernel", "se", "bn"), "classifier": ("kernel", "se", "hs", "bn"),
    },
}  # fmt: skip
"""Printed, and not in `V3_COLUMNS`; of the small network's last 1 x 1, SE is claim C285."""


def v3_rest(size: str) -> Cells:
    """The cells that `v3_body` leaves: kernels outside the blocks, and what is printed as absent.

    ``bn`` counts batch normalisations, which "NBN" rules out.
    """
    parts = _v3_parts(size)
    return {
        f"{name}.{key}": _v3_row(parts[name])[key]
        for name, keys in V3_REST[size].items()
        for key in keys
    }


def v3_small_last_se() -> int:
    """SE blocks in or behind the last 1 x 1 convolution of the small network (C285)."""
    rows = traces.library(V3["small"]).layers
    first = _v3_parts("small")["last"].index[0]
    return int((rows.loc[first:].kind == "SqueezeExcitation").sum())


def _v3_parts(size: str) -> dict[str, pd.DataFrame]:
    """The rows of the trace by the row of the table that they belong to."""
    if size not in V3:
        raise ValueError(f"size is one of {', '.join(V3)}, not {size!r}")
    rows = traces.library(V3[size]).layers
    last = max(int(name.split(".")[1]) for name in rows.name if name.startswith("features."))
    fixed = HEAD | {"features.0": "stem", f"features.{last}": "last", "avgpool": "pool"}
    names = []
    for name in rows.name:
        top = ".".join(name.split(".")[:2])
        names.append(fixed.get(top) or f"b{int(top.split('.')[1])}")
    return dict(list(rows.groupby(names, sort=False)))


def _v3_row(part: pd.DataFrame) -> Cells:
    """What the layers of one row of the table are."""
    excited = part[part.kind == "SqueezeExcitation"]
    inside = tuple(f"{name}." for name in excited.name)
    plain = part[[not name.startswith(inside) for name in part.name]] if inside else part
    convolutions = plain[plain.N.notna()]
    first = plain.iloc[0]
    found = {
        "side": first.side, "in": first.C, "out": plain.iloc[-1].C_out,
        "se": len(excited), "hs": _share_of_hswish(plain),
        "bn": (plain.kind == "BatchNorm2d").sum(),
    }  # fmt: skip
    if len(convolutions) == 0:
        return _whole(found | {"kernel": first.K})
    spatial = convolutions.loc[convolutions.G.idxmax()]  # the depthwise one, where there is one
    return _whole(found | {"kernel": spatial.K, "s": spatial.s, "exp": spatial.N})


def _share_of_hswish(part: pd.DataFrame) -> float:
    kinds = part.kind[part.kind.isin(["ReLU", "ReLU6", "Hardswish"])]
    return float((kinds == "Hardswish").mean()) if len(kinds) else 0


def _whole(cells: dict) -> Cells:
    return {name: int(value) if value == int(value) else value for name, value in cells.items()}
