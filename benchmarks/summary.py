"""From counts and times to tables and Markdown: a row for each tool, form, device and network."""

from __future__ import annotations

from functools import lru_cache
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import networks
from benchmarks.timing import BOTH, TOTAL, Sample
from benchmarks.tools import FLOOR, OURS, TOOLS, Tool
from lwsurvey import cost
from lwsurvey.cost.conventions import Conventions
from lwsurvey.models import zoo

RESAMPLES = 2000
MIB = 2**20
WHOLE = {"rounds", "macs", "macs_papers", "macs_its_way", "python_bytes", "process_bytes"}


def interval(ratios: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Median over networks of the medians over rounds, with a 95 % bootstrap interval.

    Args:
        ratios: shape (rounds, networks); the rounds are drawn again, whole.
        seed: of the draws.
    """
    rounds = len(ratios)
    draws = np.random.default_rng(seed).integers(rounds, size=(RESAMPLES, rounds))
    again = np.median(np.median(ratios[draws], axis=1), axis=1)
    low, high = np.quantile(again, (0.025, 0.975))
    return float(np.median(np.median(ratios, axis=0))), float(low), float(high)


def times(samples: list[Sample]) -> pd.DataFrame:
    """Seconds and ratios to the floor of the same network, device and round; one row a sample."""
    table = pd.DataFrame(
        {"tool": s.contestant.tool, "form": s.contestant.form, "device": s.contestant.device,
         "network": s.network, "round": s.round, "seconds": s.seconds, "processor": s.processor}
        for s in samples
    )  # fmt: skip
    key, measured = ["device", "network", "round"], ["seconds", "processor"]
    floor = table[table.tool == FLOOR.name].set_index(key)[measured]
    table = table.merge(floor, left_on=key, right_index=True, suffixes=("", "_floor"))
    table["ratio"] = table.seconds / table.seconds_floor
    table["ratio_processor"] = table.processor / table.processor_floor
    return table


def counted(tool: Tool, name: str, found: dict[str, Any]) -> dict[str, Any]:
    """What a tool counted on one network, beside our counts and the published figure."""
    shape = zoo.default_inputs(name)
    row = {
        "network": name,
        "input": "x".join(map(str, shape)),
        "counted_on": tool.counted_on,
        "macs": found.get("macs"),
        "macs_papers": _ours(name, cost.PAPERS),
        "python_bytes": found.get("python_bytes"),
        "process_bytes": found.get("process_bytes"),
        "failure": found.get("failure", ""),
    }
    if tool.conventions:
        row["macs_its_way"] = tool.macs(_ours(name, tool.conventions))
        row["explained"] = row["macs"] == row["macs_its_way"]
    return row | _published(tool, name, shape[-1], row["macs"])


_meta = lru_cache(maxsize=None)(lambda name: networks.build(name, "meta"))


def _ours(name: str, conventions: Conventions) -> int:
    return cost.profile(*_meta(name), conventions=conventions).macs


def _published(tool: Tool, name: str, size: int, macs: float | None) -> dict[str, Any]:
    if (figure := networks.published(name, size)) is None:
        return {}
    row = {"published_gmacs": figure.gmacs, "published_by": figure.source,
           "agrees": macs is not None and figure.agrees(macs)}  # fmt: skip
    row["agrees_switched"] = row["agrees"]
    if tool.name == OURS:
        row["agrees_switched"] = figure.agrees(_ours(name, figure.conventions))
    return row


def rows(samples: list[Sample], found: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """The table that is kept.

    Args:
        samples: of `timing.measure`.
        found: report of `examine.examined` by tool.
    """
    counts = pd.DataFrame(
        {"tool": tool, **counted(TOOLS[tool], name, row)}
        for tool, report in found.items() if tool in TOOLS
        for name, row in report["networks"].items()
    )  # fmt: skip
    timed = times(samples)
    timed = timed[timed.tool != FLOOR.name]
    lines = [
        {"tool": tool, "form": form, "device": device, "network": network, **_line(group)}
        for (tool, form, device, network), group in timed.groupby(
            ["tool", "form", "device", "network"], sort=False
        )
    ]
    table = _whole(pd.DataFrame(lines).merge(counts, on=["tool", "network"], how="outer"))
    place = {
        name: i for i, name in enumerate((*TOOLS, *networks.NETWORKS, "meta", "cpu", TOTAL, BOTH))
    }
    keys = ["tool", "device", "form", "network"]
    return table.sort_values(keys, key=lambda c: c.map(place), kind="stable")


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """Counts as whole numbers, which a missing one must not turn into rounded floats."""
    for name in WHOLE & set(table):
        numbers = pd.to_numeric(table[name])
        whole = (numbers.isna() | (numbers % 1 == 0)).all()
        table[name] = numbers.astype("Int64") if whole else numbers.map(repr)
    return table


def _line(group: pd.DataFrame) -> dict[str, Any]:
    value, low, high = interval(group.ratio.to_numpy()[:, None])
    return {
        "rounds": len(group),
        "seconds": median(group.seconds),
        "seconds_forward": median(group.seconds_floor),
        "ratio": value,
        "ratio_low": low,
        "ratio_high": high,
        "ratio_processor": median(group.ratio_processor),
    }


def overall(samples: list[Sample]) -> list[dict[str, Any]]:
    """Ratio to the floor over all networks of each tool, form and device, with interval."""
    found = []
    for (tool, form, device), group in times(samples).groupby(
        ["tool", "form", "device"], sort=False
    ):
        if tool == FLOOR.name:
            continue
        wide = group.pivot(index="round", columns="network", values="ratio")
        value, low, high = interval(wide.to_numpy())
        each = wide.median()
        found.append(
            {"tool": tool, "form": form, "device": device, "networks": wide.shape[1],
             "ratio": value, "ratio_low": low, "ratio_high": high,
             "smallest": float(each.min()), "largest": float(each.max()),
             "seconds": float(group.groupby("network").seconds.median().median())}
        )  # fmt: skip
    return sorted(found, key=lambda row: (row["device"] != "meta", row["ratio"]))


def markdown(table: pd.DataFrame, about: dict[str, Any]) -> str:
    """Two tables: time over the forward pass, then counts, memory and side effects."""
    return "\n\n".join(["## Time", _times(about), "## Counts and memory", _counts(table, about),
                        "## Side effects", _effects(about)])  # fmt: skip


def _times(about: dict[str, Any]) -> str:
    return _table(
        ("tool", "device", "returns", "time / forward pass", "over networks", "ms", "networks"),
        (
            (r["tool"], r["device"], r["form"],
             f"{r['ratio']:.2f} [{r['ratio_low']:.2f}, {r['ratio_high']:.2f}]",
             f"{r['smallest']:.2f} to {r['largest']:.2f}", f"{1000 * r['seconds']:.1f}",
             str(r["networks"]))
            for r in about["overall"]
        ),
    )  # fmt: skip


def _counts(table: pd.DataFrame, about: dict[str, Any]) -> str:
    once = table.drop_duplicates(["tool", "network"])
    heads = (
        "tool",
        "agrees with published",
        "equal to ours by its conventions",
        "failures",
        "Python, MiB",
        "process, MiB (VGG-16, ViT-B/16)",
    )
    groups = once.groupby("tool", sort=False)
    process = " ".join(f"{b / MIB:.0f}" for b in about["forward_process_bytes"].values())
    bare = ("bare forward", "", "", "", "", process)
    return _table(heads, [bare, *(_count_row(tool, group) for tool, group in groups)])


def _count_row(tool: str, group: pd.DataFrame) -> tuple[str, ...]:
    agrees = f"{int(group.agrees.eq(True).sum())}/{int(group.published_gmacs.notna().sum())}"
    if tool == OURS:
        agrees += f", {int(group.agrees_switched.eq(True).sum())} by the publisher's conventions"
    judged = int(group.explained.notna().sum())
    explained = f"{int(group.explained.eq(True).sum())}/{judged}" if judged else "no conventions"
    process = " ".join(f"{b / MIB:.0f}" for b in group.process_bytes.dropna())
    failures = int(group.failure.map(bool, na_action="ignore").eq(True).sum())
    return (tool, agrees, explained, f"{failures}/{len(group)}",
            f"{group.python_bytes.median() / MIB:.1f}", process)  # fmt: skip


def _effects(about: dict[str, Any]) -> str:
    return _table(
        ("tool", "after two calls", "after two calls that fail"),
        (
            (tool, "; ".join(e["after_success"]) or "none", "; ".join(e["after_failure"]) or "none")
            for tool, e in about["effects"].items()
        ),
    )


def _table(heads: tuple[str, ...], lines: Any) -> str:
    body = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    return "\n".join([*body, *(f"| {' | '.join(line)} |" for line in lines)])
