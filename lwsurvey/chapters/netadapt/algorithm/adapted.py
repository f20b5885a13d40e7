"""What a run of NetAdapt ended with."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pandas as pd
from torch import nn

from lwsurvey import train
from lwsurvey.chapters.netadapt.algorithm.pruning import Step
from lwsurvey.data import Split

COLUMNS = {
    "step": "int64", "layer": "object", "kind": "object", "filters_before": "int64",
    "filters": "Int64", "constraint": "float64", "resource_before": "float64",
    "resource": "float64", "met": "bool", "before": "float64", "after": "float64",
    "picked": "bool", "changed": "Int64", "tried": "int64", "seconds": "float64",
}  # fmt: skip
"""Of the log, with their types; see `Adapted`."""


@dataclass(frozen=True)
class Adapted:
    """A network that was adapted, before the long fine-tuning.

    Attributes:
        network: in evaluation mode, on the CPU.
        log: a row for each layer and step, a last step without any proposal included:
            ``layer`` (the group's name) and its ``kind``, ``filters_before`` and ``filters`` (of
            the proposal; none if no number met the constraint, and ``met`` says so),
            ``constraint``, ``resource_before`` (of the parent)
            and ``resource``, held-out accuracy ``before`` and ``after`` the short fine-tuning (per
            cent), ``picked``, ``changed`` (groups in which the proposal differs from its
            parent), ``tried`` (networks whose resource was asked for) and ``seconds``.
        reached: whether the budget is met.
        steps: how many there were.
        said: how it ended, in a sentence.
        resource: of the network.
        accuracy: of the network on the held-out images, per cent.
        history: each step's group and the channels that it kept.
        start: resource and held-out accuracy of the network that it began with.
        filters: of each group at the start.
        estimates: how often the resource was asked for.
    """

    network: nn.Module
    log: pd.DataFrame
    reached: bool
    steps: int
    said: str
    resource: float
    accuracy: float
    history: tuple[Step, ...]
    start: tuple[float, float]
    filters: dict[str, int]
    estimates: int

    @property
    def widths(self) -> pd.DataFrame:
        """Filters of each group (columns) after each step (index ``step``, from 0)."""
        rows, now = [dict(self.filters)], dict(self.filters)
        for name, kept in self.history:
            now |= {name: len(kept)}
            rows.append(dict(now))
        return pd.DataFrame(rows).rename_axis("step")

    @property
    def path(self) -> pd.DataFrame:
        """``resource`` and held-out ``accuracy`` after each step (index ``step``, from 0)."""
        picked = self.log[self.log["picked"]]
        rows = [self.start, *zip(picked["resource"], picked["after"], strict=True)]
        return pd.DataFrame(rows, columns=["resource", "accuracy"]).rename_axis("step")

    def finished(self, split: Split, *, seed: int, **options: Any) -> train.Fit:
        """Long-term fine-tuning, and the test set once; the network here stays as it is.

        Args:
            split: as `train.fit`, and so the others.
            seed: of the order of the images.
            options: ``epochs``, ``lr`` and so on.
        """
        return train.fit(lambda: copy.deepcopy(self.network), split, seed=seed, **options)


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The log of rows."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
