"""The benchmark as Markdown, for the terminal."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.tools import OURS

MIB = 2**20


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
