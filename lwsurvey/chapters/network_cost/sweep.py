"""Counts of every network of timm and torchvision: ``python -m benchmarks.sweep`` makes them.

The tables are kept in ``data/sweep/``; `models`, `published` and `made_with` read them, and
`COLUMNS` and `PUBLISHED` say what they hold.
"""

from __future__ import annotations

import json

import pandas as pd

from lwsurvey import paths
from lwsurvey.chapters.network_cost.sweep_columns import COLUMNS, FRACTIONS, PUBLISHED, WHOLE

__all__ = ["COLUMNS", "FOLDER", "PUBLISHED", "REMAKE", "made_with", "models", "published"]

FOLDER = "sweep"
REMAKE = "python -m benchmarks.sweep --jobs 2"


def models() -> pd.DataFrame:
    """One row for each network, with the columns of `COLUMNS`; a missing number is NA."""
    return _read("models.csv")


def published() -> pd.DataFrame:
    """One row for each published figure, with the columns of `PUBLISHED`."""
    return _read("published.csv")


def made_with() -> dict[str, object]:
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
