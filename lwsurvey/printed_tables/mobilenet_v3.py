"""MobileNet V3 (Howard et al. 2019): the bodies of its tables 1 and 2."""

from __future__ import annotations

import pandas as pd

from lwsurvey.printed_tables import traced

NETWORKS = {
    "large": "torchvision:mobilenet_v3_large",
    "small": "torchvision:mobilenet_v3_small",
}
Cells = dict[str, float]
HEAD = {"classifier.0": "head", "classifier.1": "head", "classifier.3": "classifier"}


def body(size: str) -> Cells:
    """Cells of table 1 (``large``, C283) or 2 (``small``, C284).

    ``side`` and ``in`` belong to the input, ``exp`` to the depthwise layer; ``se`` and ``hs``
    say whether there is squeeze-and-excitation and whether the activations are h-swish.
    """
    cells: Cells = {}
    for name, part in _parts(size).items():
        for key, value in _measured(part).items():
            if key in COLUMNS[_kind(name)]:
                cells[f"{name}.{key}"] = value
    return cells


COLUMNS = {
    "stem": ("in", "side", "out", "hs", "s"),
    "block": ("side", "in", "kernel", "exp", "out", "se", "hs", "s"),
    "last": ("in", "side", "out", "hs", "s"),
    "pool": ("side", "in"),
    "head": ("in", "side", "out", "hs", "s"),
    "classifier": ("in", "side", "s"),
}
"""What the claims compare of each row; the rest of a row is in `REST`."""

REST = {
    "large": {
        "stem": ("se",), "last": ("kernel", "se"), "pool": ("kernel",),
        "head": ("kernel", "se", "bn"), "classifier": ("kernel", "se", "hs", "bn"),
    },
    "small": {
        "stem": ("kernel", "se"), "last": ("kernel",), "pool": ("kernel",),
        "head": ("kernel", "se", "bn"), "classifier": ("kernel", "se", "hs", "bn"),
    },
}  # fmt: skip
"""Printed, and not in `COLUMNS`; of the small network's last 1 x 1, SE is claim C285."""


def rest(size: str) -> Cells:
    """The cells that `body` leaves: kernels outside the blocks, and what is printed as absent.

    ``bn`` counts batch normalisations, which "NBN" rules out.
    """
    parts = _parts(_known(size))
    return {
        f"{name}.{key}": _measured(parts[name])[key]
        for name, keys in REST[size].items()
        for key in keys
    }


def small_last_se() -> int:
    """SE blocks in or behind the last 1 x 1 convolution of the small network (C285)."""
    rows = traced.library(NETWORKS["small"]).layers
    first = _parts("small")["last"].index[0]
    return int((rows.loc[first:].kind == "SqueezeExcitation").sum())


def _known(size: str) -> str:
    if size not in NETWORKS:
        raise ValueError(f"size is one of {', '.join(NETWORKS)}, not {size!r}")
    return size


def _parts(size: str) -> dict[str, pd.DataFrame]:
    """The rows of the trace by the row of the table that they belong to."""
    rows = traced.library(NETWORKS[_known(size)]).layers
    last = max(int(name.split(".")[1]) for name in rows.name if name.startswith("features."))
    fixed = HEAD | {"features.0": "stem", f"features.{last}": "last", "avgpool": "pool"}
    names = []
    for name in rows.name:
        top = ".".join(name.split(".")[:2])
        names.append(fixed.get(top) or f"b{int(top.split('.')[1])}")
    return dict(list(rows.groupby(names, sort=False)))


def _kind(name: str) -> str:
    return "block" if name.startswith("b") else name


def _measured(part: pd.DataFrame) -> Cells:
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
