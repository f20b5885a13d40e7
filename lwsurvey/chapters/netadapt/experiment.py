"""The study: a pretrained network cut by NetAdapt, or uniformly, and fine-tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from lwsurvey import train
from lwsurvey.chapters.netadapt.networks import (
    Recorded,
    Widths,
    mobilenet_v1,
    prune_to,
    widths_of,
)
from lwsurvey.data import Images, Split
from lwsurvey.search.channels import prune
from lwsurvey.search.netadapt import (
    Resource,
    Schedule,
    Short,
    Step,
    adapt,
    pick_slope,
    short_term_fine_tune,
)
from lwsurvey.train import Fit, Recipe
from lwsurvey.train.device import one_thread
from lwsurvey.train.fitting import train_epochs

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Adapt:
    """What is examined in a pretrained network: a run of NetAdapt, and its fine-tuned ends.

    Attributes:
        table: seconds of a network.
        guide: what the run is guided by, `macs` or the table.
        schedule: of the guide's resource.
        budgets: seconds, descending; the run ends at the last.
        short: fine-tuning of each proposal.
        long: of the networks nearest to the budgets.
        scratch: for the last one's widths, with new weights.
    """

    table: Recorded
    guide: Resource
    schedule: Schedule
    budgets: tuple[float, ...]
    short: Short
    long: Recipe
    scratch: Recipe | None = None

    def __call__(self, fit: Fit, split: Split) -> dict[str, float]:
        """Accuracies, per cent, and what happened on the way (``path_``)."""
        with one_thread(CPU):
            here = channels_last(split)
            steps = self.run(fit, here)
            found = path(steps, here)
            ends = [fit.net, *(step.picked.network for step in steps)]
            for b, budget in enumerate(self.budgets):
                near = min(ends, key=lambda net: abs(np.log(self.table(net) / budget)))
                for layer, width in enumerate(widths_of(near)):
                    found[f"path_end_{b}_{layer}"] = width
                found[f"before_{b}"] = train.accuracy(near, here.test)
                learn(near, here.train, self.long, fit.seed)
                found[f"after_{b}"] = train.accuracy(near, here.test)
            if self.scratch:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(fit.seed)
                    again = mobilenet_v1(widths_of(near)).to(memory_format=torch.channels_last)
                learn(again, here.train, self.scratch, fit.seed)
                found["scratch"] = train.accuracy(again, here.test)
        return found

    def run(self, fit: Fit, split: Split) -> list[Step]:
        """The steps of NetAdapt until the table's estimate is within the last budget."""
        least = self.budgets[-1] if self.guide is self.table else 1.0
        steps = []
        for step in adapt(
            fit.net, split, self.guide, least, self.schedule, short=self.short, seed=fit.seed
        ):
            steps.append(step)
            if self.table(step.picked.network) <= self.budgets[-1]:
                break
        return steps


def path(steps: Sequence[Step], split: Split) -> dict[str, float]:
    """What a run of NetAdapt did, in numbers.

    Returns:
        ``recovery``, points of held-out accuracy that the short fine-tuning gave back in a step,
        mean; ``path_steps``; of the steps with two proposals or more ``path_spread``, the median
        of the largest saving over the smallest, and ``path_differ``, the share in which
        `pick_slope` would pick another; and of each step the layer that was cut, its filters,
        and the held-out accuracy before and after the short fine-tuning.
    """
    found, gained, spread, differ = {"path_steps": len(steps)}, [], [], []
    for i, step in enumerate(steps, start=1):
        picked, parent = step.picked, widths_of(step.parent)
        [layer] = (k for k, w in enumerate(widths_of(picked.network)) if w != parent[k])
        cut = train.accuracy(prune(step.parent, picked.group, picked.kept), split.validation)
        before = train.accuracy(step.parent, split.validation)
        gained.append(picked.accuracy - cut)
        facts = {"layer": layer, "filters": len(picked.kept), "cut": cut, "tuned": picked.accuracy}
        found |= {f"path_{name}_{i:02}": value for name, value in facts.items()}
        found[f"path_proposals_{i:02}"] = len(step.proposals)
        if len(step.proposals) > 1:
            saved = [step.resource - one.resource for one in step.proposals]
            spread.append(max(saved) / min(saved))
            differ.append(pick_slope(step.proposals, before, step.resource) is not picked)
    return found | {
        "recovery": float(np.mean(gained)), "path_spread": float(np.median(spread)),
        "path_differ": float(np.mean(differ)),
    }  # fmt: skip


@dataclass(frozen=True)
class CutUniformly:
    """The control: all layers keep one share of their filters, with as many steps of training.

    Attributes:
        rungs: widths, the uncut network's first.
        short: for each of them the short fine-tuning that NetAdapt's network has had, at once.
        long: as `Adapt`.
    """

    rungs: tuple[Widths, ...]
    short: tuple[Short, ...]
    long: Recipe

    def __call__(self, fit: Fit, split: Split) -> dict[str, float]:
        """Accuracy of each rung, per cent, ``after_0`` and so on; ``after_uncut``."""
        found, here = {}, channels_last(split)
        with one_thread(CPU):
            names = ["uncut", *range(len(self.rungs) - 1)]
            for name, widths, short in zip(names, self.rungs, self.short, strict=True):
                net = prune_to(fit.net, widths)
                short_term_fine_tune(net, here.train, short, fit.seed)
                learn(net, here.train, self.long, fit.seed)
                found[f"after_{name}"] = train.accuracy(net, here.test)
        return found


def learn(net: nn.Module, images: Images, recipe: Recipe, seed: int) -> None:
    """Train in place: the long fine-tuning, last line of algorithm 1, or from scratch."""
    train_epochs(net, images, recipe, seed, torch.autocast("cpu", enabled=False), "netadapt")


def channels_last(split: Split) -> Split:
    """The images with the channels of a pixel side by side, as networks are trained on them."""
    parts = (split.train, split.validation, split.test)
    return Split(*(Images(p.x.contiguous(memory_format=torch.channels_last), p.y) for p in parts))
