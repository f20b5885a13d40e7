"""Algorithm 1 of NetAdapt (Yang et al. 2018), and MobileNet V3's variant (Howard et al. 2019).

The symbols of the pseudo-code: ``Net_i`` is the network of a `State`, ``Res_i`` its resource,
``Bud`` the budget, ``Delta R`` the `Schedule`, ``Con`` the constraint of a step, and ``K`` the
number of groups of filters that can be cut.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from lwsurvey import parallel, train
from lwsurvey.chapters.netadapt import proposals, pruning
from lwsurvey.chapters.netadapt.proposals import Arrays, Choice, Pick, Resource, Short
from lwsurvey.chapters.netadapt.pruning import Group
from lwsurvey.chapters.netadapt.state import (
    Adapted,
    Saved,
    State,
    describe,
    digest,
    frame,
    row,
    step,
)
from lwsurvey.data import Images, Split
from lwsurvey.search import SearchError
from lwsurvey.train.device import check_bfloat16, find_device, one_thread
from lwsurvey.train.fitting import check_network

GUIDES: dict[str, Pick] = {
    "accuracy": proposals.pick_highest_accuracy,
    "slope": proposals.pick_slope,
}
"""The two published rules."""


@dataclass(frozen=True)
class Schedule:
    """The resource reduction schedule: step ``i``, from 1, saves ``first * decay ** (i - 1)``.

    Attributes:
        first: what the first step saves, in the unit of the resource. The paper's is 0.5 ms for
            the small MobileNet V1.
        decay: from one step to the next; 0.96 in the paper.

    Raises:
        SearchError: a first step that is not positive, or a decay outside ``(0, 1]``.
    """

    first: float
    decay: float = 0.96

    def __post_init__(self) -> None:
        if not (math.isfinite(self.first) and self.first > 0):
            raise SearchError(f"the first step must save something, not {self.first}")
        if not 0 < self.decay <= 1:
            raise SearchError(f"the decay is above 0 and at most 1, not {self.decay}")

    def reduction(self, i: int) -> float:
        """What step ``i`` saves at least; the first is 1."""
        return self.first * self.decay ** (i - 1)

    def total(self, steps: int) -> float:
        """What so many steps save at least."""
        return math.fsum(self.reduction(i) for i in range(1, steps + 1))


def adapt(
    network: nn.Module,
    split: Split,
    resource: Resource,
    *,
    budget: float,
    schedule: Schedule,
    short: Short | None = None,
    seed: int = 0,
    guide: str | Pick = "accuracy",
    kinds: Sequence[str] = pruning.KINDS,
    multiple: int = 8,
    least: int = proposals.LEAST,
    most: int | None = None,
    jobs: int | None = None,
    device: str = "cpu",
    keep: str | Path | None = None,
) -> Adapted:
    """Cut a pretrained network, layer by layer, until its resource is within a budget.

    In each step every group is a proposal: cut until the network meets the step's constraint,
    with the largest number of filters that does; the filters of largest norm stay; a short
    fine-tuning; and of all proposals the guide picks one, by accuracy on the held-out images. On
    a CPU the same inputs give the same bits, whatever ``jobs`` is and however often the run was
    killed. Test images are never looked at: see `Adapted.long_term_fine_tune`.

    Args:
        network: pretrained; not changed.
        split: tuned on ``train``, picked on ``validation``.
        resource: what a network costs. It may not keep the network that it is given.
        budget: what the adapted network may cost, in the unit of the resource.
        schedule: what each step saves at least.
        short: the short fine-tuning; `Short` if not given.
        seed: of all that is random; each proposal has numbers of its own.
        guide: ``accuracy``, the paper's; ``slope``, MobileNet V3's; or a function as `pick_slope`.
        kinds: groups that may be cut.
        multiple: filters are cut to multiples of it; 8 in the published code.
        least: filters that a layer keeps at least, such as the least that a table knows.
        most: steps at most; no limit if not given.
        jobs: processes for the proposals of a step, through joblib.
        device: where proposals are tuned.
        keep: folder for the state, so that a killed run goes on where it was.

    Returns:
        The adapted network; the best that was reached, and why, if the budget cannot be met.

    Raises:
        SearchError: inputs with which nothing can be done, before any work; or a folder that
            holds another run.
        TrainError: a network that does not fit the images, or a device that is not there.
    """
    short, pick = short or Short(), _pick(guide)
    _check(split, short, kinds, device)
    network = pruning.channels_last(copy.deepcopy(network)).cpu().eval()
    check_network(network, split, "the network to adapt")
    shape = (1, *split.train.x.shape[1:])
    parts = pruning.groups(network, shape, kinds)
    cost = proposals.take_empirical_measurement(resource, network)
    _check_budget(budget, cost)
    _check_groups(network, parts, multiple, least)
    inputs = {
        "network": describe(network), "resource": cost, "budget": budget,
        "schedule": str(schedule), "short": str(short), "seed": seed,
        "guide": guide if isinstance(guide, str) else guide.__qualname__,
        "kinds": list(kinds), "multiple": multiple, "least": least, "device": device,
        "images": digest(split.train.x, split.train.y, split.validation.x, split.validation.y),
        "PyTorch": torch.__version__,
    } if keep else {}  # fmt: skip
    run = _Run(
        resource, schedule, short, seed, pick, tuple(kinds), (multiple, least), jobs, device,
        Saved(keep, inputs), (_arrays(split.train), _arrays(split.validation)), shape,
    )  # fmt: skip
    with one_thread(torch.device("cpu")):
        start = State(network, 0, cost, train.accuracy(network, split.validation))
    here, reason = run.saved.resume(start, most, shape), ""
    while here.resource > budget and not reason:
        if here.i == most:
            reason = "it was asked for no more"
        else:
            here, reason = run.step(here)
    return _adapted(start, here, parts, budget, reason)


@dataclass(frozen=True)
class _Run:
    """What does not change from step to step."""

    resource: Resource
    schedule: Schedule
    short: Short
    seed: int
    pick: Pick
    kinds: tuple[str, ...]
    counts: tuple[int, int]
    jobs: int | None
    device: str
    saved: Saved
    images: tuple[Arrays, Arrays]
    shape: tuple[int, ...]

    def step(self, here: State) -> tuple[State, str]:
        """One iteration of the outer loop; or why no proposal meets its constraint."""
        i = here.i + 1
        constraint = here.resource - self.schedule.reduction(i)
        parts = pruning.groups(here.network, self.shape, self.kinds)
        choices = self._choices(i, here.network, parts, constraint)
        able = [k for k, choice in enumerate(choices) if choice.filters is not None]
        made = dict(zip(able, self._proposals(i, here.network, parts, choices, able), strict=True))
        rows = [
            row(i, here, part, choice, constraint, made.get(k))
            for k, (part, choice) in enumerate(zip(parts, choices, strict=True))
        ]
        if not able:
            saving = f"the {self.schedule.reduction(i):.3g} of step {i}"
            return replace(here, rows=(*here.rows, *rows)), f"no layer alone can save {saving}"
        accuracies = [made[k]["after"] for k in able]
        costs = [choices[k].resource for k in able]
        best = able[self.pick(accuracies, costs, here.accuracy, here.resource)]
        rows[best]["picked"] = True
        network = pruning.prune(here.network, parts[best], made[best]["kept"]).eval()
        network.load_state_dict(made[best]["state"])
        after = State(
            network, i, choices[best].resource, made[best]["after"],
            (*here.history, (parts[best].name, tuple(made[best]["kept"]))), (*here.rows, *rows),
        )  # fmt: skip
        self.saved.finish(after, rows)
        return after, ""

    def _choices(
        self, i: int, network: nn.Module, parts: Sequence[Group], constraint: float
    ) -> list[Choice]:
        """ChooseNumFilters for each group; kept, because a measurement would differ again."""
        key = f"{step(i)}-choices"
        if saved := self.saved.get(key):
            return [Choice(*choice) for choice in saved["choices"]]
        choices = [
            proposals.choose_num_filters(network, part, constraint, self.resource, *self.counts)
            for part in parts
        ]
        self.saved.put(key, {"choices": [tuple(choice) for choice in choices]})
        return choices

    def _proposals(
        self, i: int, network: nn.Module, parts: Sequence[Group], choices: Sequence[Choice],
        able: Sequence[int],
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The proposals of a step; those that were kept are not made again."""
        keys = {k: f"{step(i)}-layer-{k:03}" for k in able}
        saved = {k: self.saved.get(key) for k, key in keys.items()}
        missing = [k for k in able if saved[k] is None]
        asked = []
        for k in missing:
            # Its own seed, so that the order of the work does not matter.
            seed = int(np.random.SeedSequence([self.seed, i, k]).generate_state(1)[0])
            how = (choices[k].filters, self.short, seed, self.device)
            asked.append((network, parts, k, *how, *self.images))
        made = parallel.spread(
            proposals.propose, asked, self.jobs,
            lambda place, proposal: self.saved.put(keys[missing[place]], proposal),
        )  # fmt: skip
        return [next(made) if saved[k] is None else saved[k] for k in able]


def _arrays(images: Images) -> Arrays:
    return images.x.cpu().numpy(), images.y.cpu().numpy()


def _adapted(
    start: State, here: State, parts: Sequence[Group], budget: float, reason: str
) -> Adapted:
    steps = f"{here.i} {'step' if here.i == 1 else 'steps'}"
    reached = "above" if reason else "within"
    summary = (f"after {steps} the resource is {here.resource:.4g}, {reached} the budget of "
               f"{budget:.4g}{reason and ': '}{reason}")  # fmt: skip
    log = frame(here.rows)
    return Adapted(
        here.network, log, not reason, here.i, summary, here.resource, here.accuracy,
        here.history, (start.resource, start.accuracy),
        {part.name: part.filters for part in parts}, 1 + int(log["tried"].sum()),
    )  # fmt: skip


def _pick(guide: str | Pick) -> Pick:
    if not isinstance(guide, str):
        return guide
    if guide not in GUIDES:
        raise SearchError(f"guide is one of {', '.join(GUIDES)} or a function, not {guide!r}")
    return GUIDES[guide]


def _check(split: Split, short: Short, kinds: Sequence[str], device: str) -> None:
    """Raise unless there are images to tune and to pick on, known kinds, and the device."""
    if not len(split.validation):
        raise SearchError("there are no held-out images (split.validation) to pick proposals on")
    if short.steps and len(split.train) < short.batch:
        raise SearchError(f"{len(split.train)} training images do not fill a batch of "
                          f"{short.batch}")  # fmt: skip
    known = (*pruning.KINDS, "squeeze")
    if isinstance(kinds, str) or not kinds or not set(kinds) <= set(known):
        raise SearchError(f"kinds are some of {', '.join(known)}, not {kinds!r}")
    where = find_device(device)
    if short.amp:
        check_bfloat16(where)


def _check_budget(budget: float, cost: float) -> None:
    if not (math.isfinite(budget) and budget > 0):
        raise SearchError(f"the budget must be positive, it is {budget}")
    if budget >= cost:
        raise SearchError(f"the network costs {cost:g} and meets the budget of {budget:g} "
                          "already: there is nothing to adapt")  # fmt: skip


def _check_groups(network: nn.Module, parts: Sequence[Group], multiple: int, least: int) -> None:
    if multiple < 1:
        raise SearchError(f"filters are tried in multiples of 1 or more, not {multiple}")
    if not any(proposals.counts(part.filters, multiple, least) for part in parts):
        raise SearchError(f"nothing can be pruned: no group of the chosen kinds can be cut to a "
                          f"multiple of {multiple} filters, {least} at least")  # fmt: skip
    pruning.check_outputs(network, parts)
