"""The counter compared with others: by their conventions, and in the kept benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pandas as pd

from lwsurvey import cost, paths
from lwsurvey.cost.conventions import CONVENTIONS
from lwsurvey.models import zoo

MIB = 2**20


def by_conventions(networks: Iterable[str]) -> pd.DataFrame:
    """The same networks counted as each of the other counters would count them.

    Args:
        networks: names, as `lwsurvey.models.zoo.load` takes them.

    Returns:
        Indexed by the convention's name, a column of millions for each network.
    """
    columns = {}
    for name in networks:
        module, inputs = zoo.load(name), zoo.default_inputs(name)
        columns[name.partition(":")[2]] = {
            rules.name: cost.profile(module, inputs, conventions=rules).macs / 1e6
            for rules in CONVENTIONS.values()
        }
    return pd.DataFrame(columns).rename_axis("conventions of")


def benchmark() -> dict[str, object]:
    """Versions, hardware, date and totals of the kept benchmark of counters."""
    return json.loads(paths.data("benchmarks/counters.json").read_text(encoding="utf-8"))


def race() -> pd.DataFrame:
    """How long each tool takes, in forward passes of the same network on the same device.

    Returns:
        Columns ``tool``, ``form`` (what the call gives), ``device``, ``ratio`` (median over
        networks of medians over rounds), ``ratio_low`` and ``ratio_high`` (its 95 % interval),
        ``smallest`` and ``largest`` (of a network), the quickest first on each device.
    """
    table = pd.DataFrame(benchmark()["overall"])
    order = table.device.map({"meta": 0, "cpu": 1})
    return table.assign(order=order).sort_values(["order", "ratio"]).drop(columns="order")


def agreement() -> pd.DataFrame:
    """What each tool counts right, and how much memory it takes.

    Returns:
        Indexed by tool, texts: networks on which it ``agrees`` with the published figure, does
        so ``switched`` to the publisher's conventions (which only ours can be), on which our
        count by its conventions equals its own (``explained``), which ``fail``, and the median
        of ``memory`` that Python takes, in MiB.
    """
    table = pd.read_csv(paths.data("benchmarks/counters.csv"), keep_default_na=False, na_values="")
    once = table.drop_duplicates(["tool", "network"])
    rows = {tool: _agreement(group) for tool, group in once.groupby("tool", sort=False)}
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="tool"))


def _agreement(group: pd.DataFrame) -> dict[str, str]:
    judged = group.explained.notna()
    printed = int(group.published_gmacs.count())
    return {
        "agrees": f"{_true(group.agrees)} of {printed}",
        "switched": f"{_true(group.agrees_switched)} of {printed}",
        "explained": f"{_true(group.explained)} of {judged.sum()}" if judged.any() else "",
        "fail": f"{int(group.failure.notna().sum())} of {len(group)}",
        "memory": f"{group.python_bytes.median() / MIB:.1f}",
    }


def _true(column: pd.Series) -> int:
    return int(column.eq(True).sum())


def effects() -> pd.DataFrame:
    """What two calls of each tool leave behind, when they succeed and when the model fails.

    Texts in Markdown, because the names of attributes have underscores.
    """
    found = benchmark()["effects"]
    rows = {
        tool: {
            "after two calls": _listed(left["after_success"]),
            "after two calls that fail": _listed(left["after_failure"]),
        }
        for tool, left in found.items()
    }
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="tool"))


def _listed(texts: list[str]) -> str:
    return "; ".join(texts).replace("_", r"\_") or "nothing"
