"""What V3's two ends cost, before and after the authors changed them."""

from __future__ import annotations

from functools import cache

import pandas as pd
from torch import nn

from lwsurvey import cost
from lwsurvey.models.mobilenet_v3 import MobileNetV3
from lwsurvey.printed_tables import traces

IMAGE = (1, 3, 224, 224)
NAMES = {
    "original": ("expand to 960", "depthwise 3 × 3", "project to 320", "expand to 1280",
                 "classify"),
    "efficient": ("expand to 960", "expand to 1280", "classify"),
}  # fmt: skip
"""The layers of the last stage that have weights (figure 5 of the paper)."""


def large(**options: object) -> nn.Module:
    """`MobileNetV3` on the meta device with some of its options; the large one by default."""
    return traces.on_meta(MobileNetV3, **options)


@cache
def profile(**options: object) -> cost.Profile:
    """What `large` with some options costs, counted once; do not change its table."""
    return cost.profile(large(**options), IMAGE)


def layers(**options: object) -> pd.DataFrame:
    """The convolutions and linear layers of V3-Large with some options."""
    found = profile(**options).layers
    return found[found.N.notna()]


def last_stage(tail: str) -> pd.DataFrame:
    """A last stage layer by layer: ``side`` of the map that it writes, ``MACs``, ``parameters``.

    Parameters are weights and biases of the layer, without normalisation.

    Args:
        tail: ``original`` or ``efficient``.
    """
    found = layers(tail=tail)
    found = found[found.name.str.startswith("tail")]
    side = [shape[2] if len(shape) == 4 else 1 for shape in found.output]
    table = pd.DataFrame({"side": side, "MACs": found.macs.to_numpy(),
                          "parameters": found.parameters.to_numpy()})  # fmt: skip
    return table.set_axis(list(NAMES[tail]), axis=0).rename_axis("layer")


def closed_form(tail: str, C: int = 160, side: int = 7, last: int = 1280, k: int = 1000) -> int:
    """MACs of a last stage by formula.

    Args:
        tail: ``original`` or ``efficient``.
        C: channels that enter.
        side: of the map, H = W.
        last: channels before the classifier.
        k: classes.
    """
    P, t = side**2, 6 * C
    if tail == "efficient":
        return P * C * t + t * last + last * k
    return P * (C * t + 9 * t + t * 2 * C + 2 * C * last) + last * k


def first_layers(stem: int) -> pd.DataFrame:
    """Stem and first block of V3-Large with a number of stem filters: MACs and parameters."""
    found = layers(stem=stem).iloc[:3]
    table = found[["macs", "parameters"]].rename(columns={"macs": "MACs"})
    return table.set_axis(["3 × 3 stem", "depthwise 3 × 3", "project to 16"], axis=0)


def table_of_ends() -> pd.DataFrame:
    """Million MACs and parameters of V3-Large with either tail and either stem."""
    rows = []
    for tail in ("original", "efficient"):
        for stem in (32, 16):
            found = profile(tail=tail, stem=stem)
            rows.append({"last stage": tail, "stem": stem, "million MACs": found.macs / 1e6,
                         "million parameters": found.parameters / 1e6})  # fmt: skip
    return pd.DataFrame(rows)


def expansion_of_v2() -> float:
    """MACs of V2's 320-to-1280 layer over the mean of its weight layers (C649)."""
    found = traces.library("torchvision:mobilenet_v2").weighted()
    last = found[(found.N == 320) & (found.M == 1280)]
    assert len(found) == 53 and len(last) == 1
    return float(last.macs.iloc[0] / found.macs.mean())
