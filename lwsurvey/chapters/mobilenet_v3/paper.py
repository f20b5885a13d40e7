"""The figures that the paper prints: what was saved by design, and times on phones."""

from __future__ import annotations

import re

import pandas as pd

from lwsurvey import paths

LAST, FIRST = "efficient last stage: latency saved", "first conv 32 to 16 filters (h-swish)"
PHONES = {"Pixel 1": "P1", "Pixel 2": "P2", "Pixel 3": "P3"}
PAIRS = (
    ("V3-Large 1.0", "MnasNet-A1"), ("V3-Large 1.0", "ProxylessNAS"), ("V3-Large 1.0", "V2 1.0"),
    ("V3-Small 1.0", "MnasNet-small"), ("V3-Small 1.0", "V2 0.35"),
)  # fmt: skip
"""V3 and its competitors in table 3."""


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


def improved() -> str:
    """What the narrower first layer improves by the paper, told from the unit of the figure."""
    return {"ms": "latency", "%": "accuracy"}[saving(FIRST)[1]]


def table3() -> pd.DataFrame:
    """Published top-1 (per cent) and milliseconds on each phone, by network, final version."""
    table = _table("table3").set_index("network")
    columns = {"top1": "top-1"} | {f"{p}_ms_final": phone for phone, p in PHONES.items()}
    return table[list(columns)].rename(columns=columns)


def ratios() -> pd.DataFrame:
    """Competitor's latency over V3's, by pair and phone; a column for the gain in top-1."""
    table = table3()
    rows = []
    for v3, other in PAIRS:
        times = {phone: table[phone][other] / table[phone][v3] for phone in PHONES}
        gain = table["top-1"][v3] - table["top-1"][other]
        rows.append({"pair": f"{other} / {v3}", "top-1 gained": round(gain, 1)} | times)
    return pd.DataFrame(rows).set_index("pair")


def table5() -> pd.DataFrame:
    """Published accuracy and Pixel 1 times of V3-Large by where h-swish is used."""
    columns = {"top1": "top-1", "P1_ms": "ms", "P1_ms_no_opt": "ms, not optimised"}
    table = _table("table5").set_index("variant")
    return table[list(columns)].rename(columns=columns)


def versions() -> pd.DataFrame:
    """Milliseconds of table 3 in the first arXiv version and in the final one."""
    table = _table("table3").set_index("network")
    return pd.DataFrame(
        {f"{phone}, {year}": table[f"{p}_ms_{key}"]
         for phone, p in PHONES.items() for key, year in (("arxiv1", "first"), ("final", "final"))}
    )  # fmt: skip


def published_ratios() -> dict[str, float]:
    """V3's time over another's as published for Pixel 1, under the names of `race.ratios`."""
    ms, variants = table3()["Pixel 1"], table5().ms
    large = ms["V3-Large 1.0"]
    return {
        "V3-Large / V2": large / ms["V2 1.0"],
        "V3-Large / MnasNet-A1": large / ms["MnasNet-A1"],
        "V3-Small / V2 0.35": ms["V3-Small 1.0"] / ms["V2 0.35"],
        "h-swish / ReLU": variants["V3-Large 1.0"] / variants["ReLU only"],
        "short / original tail": 1 - _share(LAST) / 100,
        "16 / 32 stem filters": large / (large + saving(FIRST)[0]),
    }


def _share(item: str) -> float:
    """The percentage that the paper gives beside the milliseconds."""
    text = _table("design").set_index("item").loc[item, "final_version"]
    return float(re.search(r"(\d+)%", text).group(1))
