"""Counts of every network of timm and torchvision: ``python -m benchmarks.sweep`` makes them.

The tables are kept in ``data/sweep/``; `models`, `published_figures` and `origin` read them, and
`COLUMNS` and `PUBLISHED` say what they hold.
"""

from __future__ import annotations

import json

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
