"""The state of a run of NetAdapt at each step, kept on disk, and what the run ends with."""

from __future__ import annotations

import copy
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from lwsurvey import train
from lwsurvey.chapters.netadapt.proposals import Choice
from lwsurvey.chapters.netadapt.pruning import KINDS, Group, groups, prune
from lwsurvey.data import Split
from lwsurvey.search import SearchError
from lwsurvey.store import Records

Step = tuple[str, tuple[int, ...]]
"""Name of a group, and its channels that were kept."""

COLUMNS = {
    "step": "int64", "layer": "object", "kind": "object", "filters_before": "int64",
    "filters": "Int64", "constraint": "float64", "resource_before": "float64",
    "resource": "float64", "met": "bool", "before": "float64", "after": "float64",
    "picked": "bool", "changed": "Int64", "tried": "int64", "seconds": "float64",
}  # fmt: skip
"""Of the log, with their types; see `Adapted`."""


@dataclass(frozen=True)
class State:
    """The network after ``i`` steps, and how it came there.

    Attributes:
        network: in evaluation mode, on the CPU.
        i: the number of steps.
        resource: of the network.
        accuracy: of the network on the held-out images, per cent.
        history: each step's group and the channels that it kept.
        rows: of the log, as plain values.
    """

    network: nn.Module
    i: int
    resource: float
    accuracy: float
    history: tuple[Step, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()


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
        summary: how it ended, in a sentence.
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
    summary: str
    resource: float
    accuracy: float
    history: tuple[Step, ...]
    start: tuple[float, float]
    filters: dict[str, int]
    estimates: int

    @property
    def widths(self) -> pd.DataFrame:
        """Filters of each group (columns) after each step (index ``step``, from 0)."""
        rows = [dict(self.filters)]
        for name, kept in self.history:
            rows.append(rows[-1] | {name: len(kept)})
        return pd.DataFrame(rows).rename_axis("step")

    @property
    def path(self) -> pd.DataFrame:
        """``resource`` and held-out ``accuracy`` after each step (index ``step``, from 0)."""
        picked = self.log[self.log["picked"]]
        rows = [self.start, *zip(picked["resource"], picked["after"], strict=True)]
        return pd.DataFrame(rows, columns=["resource", "accuracy"]).rename_axis("step")

    def then(self, later: Adapted) -> Adapted:
        """This run and another, which went on where this one had stopped, as one."""
        log = later.log.assign(step=later.log["step"] + self.steps)
        return replace(
            later, log=pd.concat([self.log, log], ignore_index=True),
            steps=self.steps + later.steps, history=self.history + later.history,
            start=self.start, filters=self.filters, estimates=self.estimates + later.estimates,
        )  # fmt: skip

    def long_term_fine_tune(self, split: Split, *, seed: int, **options: Any) -> train.Fit:
        """The last line of algorithm 1, and the test set once; the network here stays as it is.

        Args:
            split: as `train.fit`, and so the others.
            seed: of the order of the images.
            options: ``epochs``, ``lr`` and so on.
        """
        return train.fit(lambda: copy.deepcopy(self.network), split, seed=seed, **options)


def row(
    i: int, here: State, part: Group, choice: Choice, constraint: float,
    proposal: dict[str, Any] | None,
) -> dict[str, Any]:  # fmt: skip
    """A row of the log, as plain values; see `Adapted`."""
    made = proposal or {"before": math.nan, "after": math.nan, "changed": None, "seconds": 0.0}
    return {
        "step": i, "layer": part.name, "kind": part.kind, "filters_before": part.filters,
        "filters": choice.filters, "constraint": constraint, "resource_before": here.resource,
        "resource": choice.resource, "met": choice.filters is not None,
        "tried": choice.tried, "picked": False,
        **{name: made[name] for name in ("before", "after", "changed", "seconds")},
    }  # fmt: skip


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The log of rows."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS)).astype(COLUMNS)


class Saved:
    """A folder with a record for each step, and for each finished proposal of the present one.

    Args:
        folder: made if it is not there; nothing is kept without one.
        inputs: all that the run depends on.

    Raises:
        SearchError: the folder holds another run, or cannot be used.
    """

    def __init__(self, folder: str | Path | None, inputs: Mapping[str, object]) -> None:
        how = dict(error=SearchError, pack=_pack, unpack=_unpack)
        self._records = Records(folder, inputs, **how) if folder else None

    def get(self, key: str) -> Any | None:
        """What is kept under a key, if anything; SearchError if it is damaged."""
        return self._records.get(key) if self._records else None

    def put(self, key: str, value: Mapping[str, object]) -> None:
        """Keep tensors and plain values."""
        if self._records:
            self._records.put(key, value)

    def finish(self, state: State, rows: Sequence[Mapping[str, object]]) -> None:
        """Keep the state after a step with its rows of the log, and drop what led to it."""
        if self._records:
            self.put(step(state.i), {
                "last": state.history[-1], "rows": rows, "state": state.network.state_dict(),
                "resource": state.resource, "accuracy": state.accuracy,
            })  # fmt: skip
            self._records.remove(f"{step(state.i)}-*")

    def resume(self, start: State, most: int | None, shape: Sequence[int]) -> State:
        """The state after the last step that was kept, of ``most``; the start if there is none."""
        here, last = start, None
        while here.i != most and (found := self.get(step(here.i + 1))):
            last = found
            name, kept = last["last"]
            here = State(
                here.network, here.i + 1, last["resource"], last["accuracy"],
                (*here.history, (name, tuple(kept))), (*here.rows, *last["rows"]),
            )  # fmt: skip
        if last is None:
            return start
        network = replay(start.network, here.history, shape)
        network.load_state_dict(last["state"])
        return replace(here, network=network)


def step(i: int) -> str:
    """The key of a step; those of its choices and proposals begin with it."""
    return f"step-{i:03}"


def replay(network: nn.Module, history: Sequence[Step], shape: Sequence[int]) -> nn.Module:
    """A network pruned again as a run did it, without the fine-tuning between.

    Args:
        network: the one that the run began with, not changed.
        history: the run's ``history``.
        shape: of the images.

    Raises:
        SearchError: the history is of another network.
    """
    network = copy.deepcopy(network)
    for name, kept in history:
        by_name = {group.name: group for group in groups(network, shape, (*KINDS, "squeeze"))}
        if name not in by_name:
            raise SearchError(f"the history prunes {name!r}, which this network does not have")
        network = prune(network, by_name[name], kept)
    return network


def digest(*tensors: Tensor) -> str:
    """Of the values and shapes of tensors."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(f"{tuple(tensor.shape)} {tensor.dtype}\0".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def describe(network: nn.Module) -> str:
    """A network in short: digests of how it is printed, and of its weights."""
    printed = hashlib.sha256(str(network).encode()).hexdigest()[:16]
    return f"{printed} {digest(*network.state_dict().values())}"


def _pack(value: Mapping[str, object]) -> bytes:
    torch.save(dict(value), file := io.BytesIO())
    return file.getvalue()


def _unpack(data: bytes) -> dict[str, Any]:
    return torch.load(io.BytesIO(data), weights_only=True)
