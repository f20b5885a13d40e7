"""Counts of every network of timm and torchvision: ``python -m benchmarks.sweep`` makes them.

The tables are kept in ``data/sweep/``; `models`, `published_figures` and `origin` read them, and
`COLUMNS` and `PUBLISHED` say what they hold.
"""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd

from lwsurvey import paths

FOLDER = "sweep"
REMAKE = "python -m benchmarks.sweep --jobs 2"
TIMM = "published/timm_benchmark_infer.csv"  # timm's own figures
COLUMNS = {
    "library": "timm or torchvision",
    "name": "as the library has it",
    "input": "shape; two shapes for two inputs",
    "macs": "multiply-accumulates by the book's conventions",
    "macs_torch": "half of what torch.utils.flop_counter counts; empty if it does not",
    "difference": "operator ours/PyTorch's, where the two differ",
    "parameters": "elements of all parameters",
    "parameters_read": "of those that the forward pass reads, added up layer by layer",
    "parameters_unused": "of those that it does not read",
    "parameters_torch": "sum of numel() over parameters()",
    "activations": "elements written by convolutions and matrix products",
    "memory_access": "elements read and written by all operators",
    "peak_activations": "elements alive at the worst moment",
    "uncounted": "operators that the counter does not know, with the number of calls",
    "changed": "parts of the network that counting left otherwise than it found them",
    "made": "where it was made: meta, or cpu if its constructor needs values",
    "device": "where it was counted",
    "reads_values": "why it was not counted on meta",
    "trouble_torch": "why PyTorch's counter does not count it as it comes",
    "error": "why it is not counted",
    "seconds": "of a processor, to make and to count it, without PyTorch's counter",
}
PUBLISHED = {
    "library": "timm or torchvision",
    "name": "as the library has it",
    "source": "the weights whose meta data torchvision prints, or timm's benchmark table",
    "input": "shape",
    "variant": "as it comes, for the weights, or reparameterised",
    "printed_gmacs": "10^9 MACs, to three digits (torchvision) or two (timm)",
    "macs": "ours",
    "gmacs_agree": "equal to the printed digits, under which conventions it is, or why not",
    "printed_parameters": "a number (torchvision), or 10^6 to two digits (timm)",
    "parameters": "ours",
    "parameters_agree": "equal or differs",
    "printed_activations": "10^6, to two digits (timm)",
    "activations": "ours",
    "activations_agree": "equal, or why not",
    "error": "why there is no count",
}
WHOLE = {
    "macs", "macs_torch", "parameters", "parameters_read", "parameters_unused",
    "parameters_torch", "activations", "memory_access", "peak_activations",
}  # fmt: skip
FRACTIONS = {"seconds", "printed_gmacs", "printed_parameters", "printed_activations"}


def models() -> pd.DataFrame:
    """One row for each network, with the columns of `COLUMNS`; a missing number is NA."""
    return _read("models.csv")


def published_figures() -> pd.DataFrame:
    """One row for each published figure, with the columns of `PUBLISHED`."""
    return _read("published.csv")


def origin() -> dict[str, object]:
    """Versions, date, hardware, command and totals of the kept tables."""
    return json.loads(paths.data(f"{FOLDER}/models.json").read_text(encoding="utf-8"))


def _read(name: str) -> pd.DataFrame:
    table = pd.read_csv(paths.data(f"{FOLDER}/{name}"), dtype=str, keep_default_na=False)
    for column in table:
        if column in WHOLE:
            table[column] = table[column].replace("", None).astype("Int64")
        elif column in FRACTIONS:
            table[column] = pd.to_numeric(table[column].replace("", None))
    return table


def agreement_with_pytorch() -> pd.DataFrame:
    """Of both libraries: networks counted, and what agrees with PyTorch's own counts.

    Returns:
        A column for each library, numbers of networks.
    """
    counts = {library: _agreement(part) for library, part in models().groupby("library")}
    return pd.DataFrame(counts).rename_axis("networks")


def _agreement(table: pd.DataFrame) -> dict[str, int]:
    counted, both = table.macs.notna(), table.macs.notna() & table.macs_torch.notna()
    return {
        "in the library": len(table),
        "counted": int(counted.sum()),
        "with operators that cannot be counted": int((table.uncounted != "").sum()),
        "with PyTorch's number of parameters": int(
            (table.parameters == table.parameters_torch)[counted].sum()
        ),
        "counted by PyTorch's counter too": int(both.sum()),
        "of these as they come": int((table.trouble_torch == "")[both].sum()),
        "of these with the same MACs": int((table.macs == table.macs_torch)[both].sum()),
    }


def failures() -> pd.DataFrame:
    """The networks of the kept sweep that are not counted, and the reason of each."""
    table = models()
    return table.loc[table.error != "", ["library", "name", "error"]].reset_index(drop=True)


def uncounted_operators() -> dict[str, int]:
    """Operators that the counter does not know, with the number of networks of the sweep."""
    found = models().uncounted
    names = [part.split()[0] for text in found[found != ""] for part in text.split("; ")]
    return dict(Counter(names).most_common())


def agreement_with_print() -> pd.DataFrame:
    """How the published figures of MACs compare with ours, classified by the sweep.

    Returns:
        Indexed by what they agree with, or why not; numbers of figures for each library.
    """
    table = published_figures()
    why = table.gmacs_agree.where(table.gmacs_agree != "", "no count")
    counts = pd.crosstab(why, table.library)
    order = counts.sum(axis=1).sort_values(ascending=False).index
    return counts.loc[order].rename_axis("printed MACs").rename_axis(None, axis=1)
