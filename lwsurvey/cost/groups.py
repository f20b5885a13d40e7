"""A table of layers added up by layer, type or stage."""

from __future__ import annotations

import pandas as pd

SUMS = ["macs", "parameters", "activations", "memory_access"]
WAYS = ("layer", "type", "stage")


def grouped(layers: pd.DataFrame, what: str) -> pd.DataFrame:
    """One row for each layer, type of layer, or stage, in order of first appearance.

    Args:
        layers: of a `Profile`.
        what: ``layer`` (several calls of a shared module become one row), ``type`` (the class,
            where a convolution is told apart as depthwise, pointwise or grouped), or
            ``stage`` (the parts that the network's own module tree has: the longest common
            container is opened until no part holds more than half of the layers).

    Returns:
        Indexed by the group: ``calls``, ``macs``, ``parameters``, ``activations``,
        ``memory_access``, and the shares of MACs and parameters in percent.

    Raises:
        ValueError: ``what`` is none of these.
    """
    if what not in WAYS:
        raise ValueError(f"group by one of {', '.join(WAYS)}, not {what!r}")
    names = layers.name.tolist()
    key = types(layers) if what == "type" else stages(names) if what == "stage" else names
    table = layers[SUMS].assign(calls=1).groupby(pd.Index(key, name=what), sort=False).sum()
    for column in ("macs", "parameters"):
        total = table[column].sum()
        table[f"{column}_share"] = 100 * table[column] / total if total else 0.0
    return table[["calls", *SUMS, "macs_share", "parameters_share"]]


def types(layers: pd.DataFrame) -> list[str]:
    """The type of each layer: its class, or what kind of convolution it is."""
    rows = zip(layers.kind, layers.N, layers.M, layers.kernel, layers.G, strict=True)
    return [_type(*row) for row in rows]


def _type(kind: str, N: object, M: object, kernel: object, G: object) -> str:
    if not kernel or kernel != kernel:  # no convolution
        return kind
    size = "×".join(map(str, kernel))
    if G == N and G > 1:
        return f"depthwise {size}"
    if G > 1:
        return f"grouped {size}"
    return "pointwise" if set(kernel) == {1} else f"convolution {size}"


def stages(names: list[str]) -> list[str]:
    """The stage of each dotted path."""
    depth: dict[str, int] = {"": 0}
    prefix = ""
    while True:
        inside = [name for name in names if _inside(name, prefix)]
        parts = [_part(name, prefix) for name in inside]
        largest = max(set(parts), key=parts.count, default=prefix)
        if largest == prefix or parts.count(largest) * 2 <= len(names):
            break
        if not any(_inside(name, largest) and name != largest for name in names):
            break
        depth[largest] = 1
        prefix = largest
    return [_stage(name, depth) for name in names]


def _inside(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith(prefix + ".")


def _part(name: str, prefix: str) -> str:
    if name in ("", prefix):
        return name
    rest = name[len(prefix) + 1 :] if prefix else name
    head = rest.split(".")[0]
    return f"{prefix}.{head}" if prefix else head


def _stage(name: str, opened: dict[str, int]) -> str:
    stage = ""
    while True:
        further = _part(name, stage)
        if further == stage:
            return stage or "(the network itself)"
        stage = further
        if stage not in opened:
            return stage
