"""The steps of algorithm 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from lwsurvey import parallel
from lwsurvey.chapters.netadapt.algorithm.choosing import Choice, Resource, choose_num_filters
from lwsurvey.chapters.netadapt.algorithm.groups import Group, groups
from lwsurvey.chapters.netadapt.algorithm.keeping import Keep, put, taken
from lwsurvey.chapters.netadapt.algorithm.picking import Guide
from lwsurvey.chapters.netadapt.algorithm.proposals import Arrays, Result, Task, proposed
from lwsurvey.chapters.netadapt.algorithm.pruning import Step, prune, replayed
from lwsurvey.chapters.netadapt.algorithm.settings import Schedule, Short
from lwsurvey.data import Images
from lwsurvey.train import accuracy
from lwsurvey.train.device import one_thread


@dataclass(frozen=True)
class Here:
    """The network after ``i`` steps, and how it came there."""

    network: nn.Module
    i: int
    resource: float
    accuracy: float
    history: tuple[Step, ...]
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Run:
    """What does not change during a run."""

    resource: Resource
    schedule: Schedule
    short: Short
    seed: int
    rule: Guide
    kinds: tuple[str, ...]
    counts: tuple[int, int]
    jobs: int | None
    device: str
    keep: Keep
    images: tuple[Arrays, Arrays]
    shape: tuple[int, ...]

    def start(self, network: nn.Module, cost: float, held_out: Images) -> Here:
        """Before the first step."""
        with one_thread(torch.device("cpu")):
            return Here(network, 0, cost, accuracy(network, held_out), (), ())

    def resumed(self, start: Here, most: int | None) -> Here:
        """After the last step that was kept, of so many at most; the start if there is none."""
        here, last = start, None
        while here.i != most and (found := taken(self.keep.step(here.i + 1))):
            history = tuple((name, tuple(kept)) for name, kept in found["history"])
            rows, last = (*here.rows, *found["rows"]), found
            here = Here(
                here.network, here.i + 1, found["resource"], found["accuracy"], history, rows
            )
        if last is None:
            return start
        network = replayed(start.network, here.history, self.shape)
        network.load_state_dict(last["state"])
        return replace(here, network=network)

    def advance(self, here: Here) -> tuple[Here, str | None]:
        """One step; or the same, and a sentence, if no proposal meets the constraint."""
        i = here.i + 1
        parts = groups(here.network, self.shape, self.kinds)
        constraint = here.resource - self.schedule.reduction(i)
        choices = self._choices(i, here, parts, constraint)
        places = [k for k, choice in enumerate(choices) if choice.filters is not None]
        if not places:
            unmet = [
                _row(i, here, *pair, constraint, None) for pair in zip(parts, choices, strict=True)
            ]
            return replace(here, rows=(*here.rows, *unmet)), (
                f"no layer alone can save the {self.schedule.reduction(i):.3g} of step {i}"
            )
        results = dict(zip(places, self._results(i, here, parts, choices, places), strict=True))
        after = [results[k]["after"] for k in places]
        costs = [choices[k].resource for k in places]
        best = places[self.rule(after, costs, here.accuracy, here.resource)]
        rows = [
            _row(i, here, *pair, constraint, results.get(k)) | {"picked": k == best}
            for k, pair in enumerate(zip(parts, choices, strict=True))
        ]
        cost = choices[best].resource
        return self._stepped(here, parts[best], results[best], cost, rows), None

    def _choices(
        self, i: int, here: Here, parts: tuple[Group, ...], constraint: float
    ) -> list[Choice]:
        """ChooseNumFilters for each group; kept, because a measurement would differ again."""
        file = self.keep.choices(i)
        if kept := taken(file):
            return [Choice(*choice) for choice in kept["choices"]]
        choices = [
            choose_num_filters(here.network, part, constraint, self.resource, *self.counts)
            for part in parts
        ]
        put(file, {"choices": [tuple(choice) for choice in choices]})
        return choices

    def _results(
        self, i: int, here: Here, parts: tuple[Group, ...], choices: Sequence[Choice],
        places: Sequence[int],
    ) -> list[Result]:  # fmt: skip
        """The proposals of a step; those that were kept are not made again."""
        kept = {k: taken(self.keep.proposal(i, k)) for k in places}
        tasks = [
            Task(here.network, parts, k, choices[k].filters, self.short,
                 _number(self.seed, i, k), self.device, self.keep.proposal(i, k))
            for k in places if kept[k] is None
        ]  # fmt: skip
        asked = [(task, *self.images) for task in tasks]
        made = parallel.spread(proposed, asked, self.jobs, partial(_keep, tasks))
        return [next(made) if kept[k] is None else kept[k] for k in places]

    def _stepped(
        self, here: Here, part: Group, picked: Result, cost: float, rows: list[dict[str, Any]]
    ) -> Here:
        network = prune(here.network, part, picked["kept"]).eval()
        network.load_state_dict(picked["state"])
        history = (*here.history, (part.name, tuple(picked["kept"])))
        rows_so_far = (*here.rows, *rows)
        after = Here(network, here.i + 1, cost, picked["after"], history, rows_so_far)
        kept = dict(
            history=[(name, list(kept)) for name, kept in history], rows=rows,
            state=picked["state"], resource=cost, accuracy=after.accuracy,
        )  # fmt: skip
        self.keep.finish(after.i, kept)
        return after


def _keep(tasks: Sequence[Task], place: int, result: Result) -> None:
    """Keep a proposal that was made on a machine with another disk."""
    if (file := tasks[place].file) and not file.exists():
        put(file, result)


def _row(
    i: int, here: Here, part: Group, choice: Choice, constraint: float, result: Result | None
) -> dict[str, Any]:
    """Of the log, as plain values."""
    made = result or {"before": math.nan, "after": math.nan, "changed": None, "seconds": 0.0}
    return {
        "step": i, "layer": part.name, "kind": part.kind, "filters_before": part.filters,
        "filters": choice.filters, "constraint": constraint, "resource_before": here.resource,
        "resource": choice.resource, "met": choice.filters is not None,
        "tried": choice.tried, "picked": False,
        **{name: made[name] for name in ("before", "after", "changed", "seconds")},
    }  # fmt: skip


def _number(seed: int, i: int, k: int) -> int:
    """Of proposal ``k`` in step ``i``: its own, so that the order of the work does not matter."""
    return int(np.random.SeedSequence([seed, i, k]).generate_state(1)[0])
