"""What the paper prints: savings by design, times on phones; and what V3's two ends cost."""

from __future__ import annotations

import re
from functools import cache

import pandas as pd

from lwsurvey import cost, paths
from lwsurvey.models.mobilenet_v3 import MobileNetV3
from lwsurvey.printed_tables import traces

LAST, FIRST = "efficient last stage: latency saved", "first conv 32 to 16 filters (h-swish)"
PHONES = {"Pixel 1": "P1", "Pixel 2": "P2", "Pixel 3": "P3"}
PAIRS = (
    ("V3-Large 1.0", "MnasNet-A1"), ("V3-Large 1.0", "ProxylessNAS"), ("V3-Large 1.0", "V2 1.0"),
    ("V3-Small 1.0", "MnasNet-small"), ("V3-Small 1.0", "V2 0.35"),
)  # fmt: skip
"""V3 and its competitors in table 3."""

IMAGE = (1, 3, 224, 224)
NAMES = {
    "original": ("expand to 960", "depthwise 3 × 3", "project to 320", "expand to 1280",
                 "classify"),
    "efficient": ("expand to 960", "expand to 1280", "classify"),
}  # fmt: skip
"""The layers of the last stage that have weights (figure 5 of the paper)."""


def _table(name: str) -> pd.DataFrame:
    return pd.read_csv(paths.data(f"papers/papers_mobilenetv3_{name}.csv"))


def saving(item: str, version: str = "final_version") -> tuple[float, str]:
    """The first figure that the paper prints for a change, and its unit.

    Args:
        item: `LAST` or `FIRST`.
        version: ``final_version`` or ``first_arxiv_version``.
    """
    text = _table("design").set_index("item").loc[item, version]
    number, unit = re.match(r"([\d.]+) (\w+)", text).groups()
    return float(number), unit


def improvement() -> str:
    """What the narrower first layer improves by the paper, told from the unit of the figure."""
    return {"ms": "latency", "%": "accuracy"}[saving(FIRST)[1]]


def table3() -> pd.DataFrame:
    """Published top-1 (per cent) and milliseconds on each phone, by network, final version."""
    table = _table("table3").set_index("network")
    columns = {"top1": "top-1"} | {f"{p}_ms_final": phone for phone, p in PHONES.items()}
    return table[list(columns)].rename(columns=columns)


def phone_ratios() -> pd.DataFrame:
    """Competitor's latency over V3's, by pair and phone; a column for the gain in top-1."""
    table = table3()
    rows = []
    for v3, other in PAIRS:
        times = {phone: table[phone][other] / table[phone][v3] for phone in PHONES}
        gain = table["top-1"][v3] - table["top-1"][other]
        rows.append({"pair": f"{other} / {v3}", "top-1 gained": round(gain, 1)} | times)
    return pd.DataFrame(rows).set_index("pair")


def published_ratios() -> dict[str, float]:
    """V3's time over another's as published for Pixel 1, under the names of `experiment.ratios`."""
    ms, by_activation = table3()["Pixel 1"], _table("table5").set_index("variant").P1_ms
    large, text = ms["V3-Large 1.0"], _table("design").set_index("item").loc[LAST, "final_version"]
    share = float(re.search(r"(\d+)%", text).group(1))
    return {
        "V3-Large / V2": large / ms["V2 1.0"],
        "V3-Large / MnasNet-A1": large / ms["MnasNet-A1"],
        "V3-Small / V2 0.35": ms["V3-Small 1.0"] / ms["V2 0.35"],
        "h-swish / ReLU": by_activation["V3-Large 1.0"] / by_activation["ReLU only"],
        "short / original tail": 1 - share / 100,
        "16 / 32 stem filters": large / (large + saving(FIRST)[0]),
    }


# What the two ends cost, before and after the authors changed them.


@cache
def profile(**options: object) -> cost.Profile:
    """What `MobileNetV3`, large if not said otherwise, costs; do not change its table."""
    return cost.profile(traces.on_meta(MobileNetV3, **options), IMAGE)


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


def closed_form(tail: str, C: int = 160, side: int = 7, last: int = 1280) -> int:
    """MACs of a last stage by formula.

    Args:
        tail: ``original`` or ``efficient``.
        C: channels that enter.
        side: of the map, H = W.
        last: channels before the classifier.
    """
    P, t = side**2, 6 * C
    if tail == "efficient":
        return P * C * t + t * last + last * 1000
    return P * (C * t + 9 * t + t * 2 * C + 2 * C * last) + last * 1000


def first_layers(stem: int) -> pd.DataFrame:
    """Stem and first block of V3-Large with a number of stem filters: MACs and parameters."""
    found = layers(stem=stem).iloc[:3]
    table = found[["macs", "parameters"]].rename(columns={"macs": "MACs"})
    return table.set_axis(["3 × 3 stem", "depthwise 3 × 3", "project to 16"], axis=0)


def ends() -> pd.DataFrame:
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
