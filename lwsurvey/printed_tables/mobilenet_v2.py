"""MobileNet V2 (Sandler et al. 2018): the body of its table 2."""

from __future__ import annotations

from itertools import groupby

import pandas as pd

from lwsurvey.printed_tables import traced

NETWORK = "torchvision:mobilenet_v2"
Cells = dict[str, int]


def body() -> Cells:
    """Cells of table 2 (C235); a row of blocks is named by the input of its first block."""
    stem, *_, last, classifier = _layers().itertuples()
    cells = {"stem.input side": stem.side, "stem.out": stem.C_out, "stem.stride": stem.s}
    for row in _rows():
        first = row[0]
        name = f"row {first['side']}x{first['C']}"
        cells |= {f"{name}.{key}": first[key] for key in ("t", "c", "s")} | {f"{name}.n": len(row)}
    cells |= {"last 1x1.input side": last.side, "last 1x1.in": last.C}
    cells |= {"last 1x1.out": last.C_out, "classifier.in": classifier.C}
    return _plain(cells)


def rest() -> Cells:
    """The cells that `body` leaves, and the caption's two rules on the blocks within a row."""
    stem, *_, last, classifier = _layers().itertuples()
    later = [(block, row[0]) for row in _rows() for block in row[1:]]
    before, after = last.side_out, _pooled().side_out
    before_blocks, behind_blocks = _outside()
    cells = {
        "stem.in": stem.C, "stem.n": before_blocks,
        "last 1x1.kernel": last.K, "last 1x1.stride": last.s, "last 1x1.n": behind_blocks,
        "avgpool.kernel": before // after, "avgpool.input side": before, "avgpool.in": last.C_out,
        "classifier.input side": classifier.side, "classifier.kernel": classifier.K,
        "later blocks.s": max(block["s"] for block, _ in later),
        "later blocks.other t": sum(block["t"] != first["t"] for block, first in later),
    }  # fmt: skip
    return _plain(cells)


def _layers() -> pd.DataFrame:
    return traced.library(NETWORK).weighted()


def _pooled():
    """The row of the network's own code, which pools the last map."""
    rows = traced.library(NETWORK).layers
    return next(rows[rows.kind == "MobileNetV2"].itertuples())


def _outside() -> tuple[int, int]:
    """How many convolutions stand before the first and behind the last block."""
    blocks = [int(row.name.split(".")[1]) for row in _depthwise()]
    parts = [int(name.split(".")[1]) for name in _layers().name if name.startswith("features.")]
    return sum(part < blocks[0] for part in parts), sum(part > blocks[-1] for part in parts)


def _depthwise() -> list:
    return [row for row in _layers().itertuples() if row.G == row.N and row.G > 1]


def _rows() -> list[list[dict[str, float]]]:
    """Blocks with equal output channels that follow each other, from first to last."""
    network = traced.library(NETWORK)
    blocks = []
    for depthwise in _depthwise():
        convolutions = network.inside(".".join(depthwise.name.split(".")[:2]))
        convolutions = convolutions[convolutions.N.notna()]
        first, last = convolutions.iloc[0], convolutions.iloc[-1]
        t = depthwise.N / first.C
        blocks.append({"side": first.side, "C": first.C, "t": t, "c": last.M, "s": depthwise.s})
    return [list(row) for _, row in groupby(blocks, key=lambda block: block["c"])]


def _plain(cells: dict) -> Cells:
    """Whole numbers as int."""
    return {name: int(value) if value == int(value) else value for name, value in cells.items()}
