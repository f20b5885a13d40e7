"""The page "Counters": this book's counter and others, from the kept benchmark and sweep."""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd

from lwsurvey import paths
from lwsurvey.models import sweep

MIB = 2**20
OURS = "lwsurvey"
TABLES = ("about", "counts", "speed", "agreement", "effects", "libraries", "published")
"""What `table` makes, in the order of the page."""

MEASURED = {"agrees": "print", "agrees_switched": "print, switched", "explained": "ours, its way"}
"""Columns of the benchmark -> what a tool agrees with."""


def table(name: str) -> tuple[str, pd.DataFrame]:
    """A caption, and the table below it with texts in its cells.

    Args:
        name: one of `TABLES`.

    Raises:
        KeyError: another name.
    """
    return {
        "about": _about, "counts": _counts, "speed": _speed, "agreement": _agreement,
        "effects": _effects, "libraries": _libraries, "published": _published,
    }[name]()  # fmt: skip


def _benchmark() -> dict[str, object]:
    return json.loads(paths.data("benchmarks/counters.json").read_text(encoding="utf-8"))


def _runs() -> pd.DataFrame:
    """One row for each tool and network."""
    kept = pd.read_csv(paths.data("benchmarks/counters.csv"), keep_default_na=False, na_values="")
    return kept.drop_duplicates(["tool", "network"])


def _about() -> tuple[str, pd.DataFrame]:
    made = {"benchmark of counters": _benchmark(), "sweep of all networks": sweep.origin()}
    rows = {
        what: {
            "date": about["date"],
            "made by": about["command"],
            "processor": about["processor"],
            "versions": ", ".join(f"{k} {v}" for k, v in about["packages"].items()),
        }
        for what, about in made.items()
    }
    return "What was run, when and where", pd.DataFrame(rows).T.rename_axis("data")


def _counts() -> tuple[str, pd.DataFrame]:
    found = _runs().pivot(index="network", columns="tool", values="macs") / 1e6
    found = found[[OURS, *(tool for tool in found if tool != OURS)]].sort_values(OURS)
    texts = found.map("{:,.1f}".format, na_action="ignore").fillna("fails")
    return "What each counter says, as it comes: millions for one image", texts


def _speed() -> tuple[str, pd.DataFrame]:
    about = _benchmark()
    found = pd.DataFrame(about["overall"]).sort_values(["device", "ratio"], ascending=[False, True])
    texts = {
        "device": found.device,
        "what it gives": found.form,
        "forward passes": found.ratio.map("{:.2f}".format),
        "95 % interval": [
            f"{a:.2f} to {b:.2f}" for a, b in _ends(found, "ratio_low", "ratio_high")
        ],
        "over networks": [f"{a:.2f} to {b:.2f}" for a, b in _ends(found, "smallest", "largest")],
    }
    caption = (
        "Time of a call in forward passes of the same network on the same device, median of "
        f"{found.networks.max()} networks and {about['rounds']} rounds, one thread"
    )
    return caption, pd.DataFrame(texts).set_axis(pd.Index(found.tool, name="tool"))


def _ends(found: pd.DataFrame, low: str, high: str) -> zip:
    return zip(found[low], found[high], strict=True)


def _agreement() -> tuple[str, pd.DataFrame]:
    rows = {tool: _agreeing(runs) for tool, runs in _runs().groupby("tool", sort=False)}
    caption = (
        "On how many networks each counter agrees with the published figure; does so when it is "
        "set to the publisher's conventions; gives what this book's counter gives by its rules; "
        "fails; and the memory that Python takes, median in MiB"
    )
    return caption, pd.DataFrame(rows).T.rename_axis("tool")


def _agreeing(runs: pd.DataFrame) -> dict[str, str]:
    printed = int(runs.published_gmacs.count())
    of = {"explained": int(runs.explained.count())}
    cells = {
        said: f"{int(runs[column].eq(True).sum())} of {n}" if (n := of.get(column, printed)) else ""
        for column, said in MEASURED.items()
    }
    cells["fails"] = f"{int(runs.failure.count())} of {len(runs)}"
    return cells | {"MiB": f"{runs.python_bytes.median() / MIB:.1f}"}


def _effects() -> tuple[str, pd.DataFrame]:
    names = {"after two calls": "after_success", "after two calls that fail": "after_failure"}
    rows = {
        tool: {said: "; ".join(left[key]) or "nothing" for said, key in names.items()}
        for tool, left in _benchmark()["effects"].items()
    }
    return "What two calls leave behind in the model and in PyTorch", pd.DataFrame(
        rows
    ).T.rename_axis("tool")


def _libraries() -> tuple[str, pd.DataFrame]:
    counts = {library: _counted(part) for library, part in sweep.models().groupby("library")}
    return (
        "Every network of two libraries: how many are counted, and on how many PyTorch's own "
        "counts agree",
        pd.DataFrame(counts).map("{:,}".format).rename_axis("networks"),
    )


def _counted(models: pd.DataFrame) -> dict[str, int]:
    both = models.macs.notna() & models.macs_torch.notna()
    same = models.parameters == models.parameters_torch
    return {
        "in the library": len(models),
        "counted": int(models.macs.notna().sum()),
        "with operators that the counter names and does not count": int(
            (models.uncounted != "").sum()
        ),
        "with PyTorch's number of parameters": int(same[models.macs.notna()].sum()),
        "counted by PyTorch's counter too": int(both.sum()),
        "of these with the same MACs": int((models.macs == models.macs_torch)[both].sum()),
    }


def _published() -> tuple[str, pd.DataFrame]:
    figures = sweep.published_figures()
    why = figures.gmacs_agree.where(figures.gmacs_agree != "", "no count")
    counts = pd.crosstab(why, figures.library)
    order = [reason for reason, _ in Counter(why).most_common()]
    shown = counts.loc[order].map("{:,}".format).rename_axis("agrees with, or why not")
    return "Published figures of MACs, by what they agree with to their printed digits", shown
