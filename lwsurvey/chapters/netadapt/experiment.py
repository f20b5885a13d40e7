"""Pretrained networks, each cut by NetAdapt by MACs and by latency, finished, and their rivals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import nn

from lwsurvey import latency, parallel, train
from lwsurvey.chapters.netadapt import networks
from lwsurvey.chapters.netadapt.algorithm import Schedule, adapt
from lwsurvey.chapters.netadapt.networks import Widths
from lwsurvey.chapters.netadapt.proposals import Resource, Short, short_term_fine_tune
from lwsurvey.chapters.netadapt.state import Adapted
from lwsurvey.data import Split
from lwsurvey.latency import Comparison, lookup
from lwsurvey.stats import Estimate, mean_interval
from lwsurvey.train.device import one_thread, within_memory

ADAPTED, BY_MACS, SEED = "NetAdapt", "NetAdapt by MACs", "seed network"
UNIFORM, SCRATCH = "uniform, pruned", "uniform, from scratch"
SHAPE = "NetAdapt's shape, from scratch"

COMPARED = {
    "NetAdapt or uniform, pruned": (ADAPTED, UNIFORM),
    "NetAdapt or uniform, from scratch": (ADAPTED, SCRATCH),
    "NetAdapt's shape or uniform, both from scratch": (SHAPE, SCRATCH),
    "NetAdapt fine-tuned or its shape from scratch": (ADAPTED, SHAPE),
    "guided by latency or by MACs": (ADAPTED, BY_MACS),
}
"""The paired differences that the chapter asks for."""

NEAR = 1.15
"""Rungs of the uniform ladder are timed up to this factor away from an adapted network."""


@dataclass(frozen=True)
class Settings:
    """How much of everything.

    Attributes:
        width: of the seed network, at 7 x 7.
        epochs: of the pretraining.
        steps: of NetAdapt.
        first: what the first step takes away, over the resource of the seed network.
        decay: of the schedule.
        short: the fine-tuning of each proposal.
        long: epochs of the fine-tuning at the end.
        lr: its highest learning rate.
        device: where all of it is trained.
        batch: batch size, except in the short fine-tuning, which says so itself.
        amp: train in bfloat16, except there.
    """

    width: int = 64
    epochs: int = 2
    steps: int = 5
    first: float = 0.12
    decay: float = 0.96
    short: Short = field(default_factory=partial(Short, steps=10))
    long: int = 1
    lr: float = 0.05
    device: str = "cpu"
    batch: int = train.Recipe.batch
    amp: bool = False

    @property
    def how(self) -> dict[str, object]:
        """What all calls of `train.fit` have in common."""
        return dict(device=self.device, batch=self.batch, amp=self.amp)

    @property
    def widths(self) -> Widths:
        """Of the seed network."""
        return networks.full(self.width)

    def visits(self, images: int) -> int:
        """Images that an adapted network has seen, counted with repetition."""
        return (self.epochs + self.long) * images + self.steps * self.short.steps * self.short.batch

    def scratch_epochs(self, images: int) -> int:
        """Epochs in which a network sees as many images as an adapted one has, rounded up."""
        return math.ceil(self.visits(images) / images)


@dataclass(frozen=True)
class Search:
    """What one seed has before the long fine-tuning.

    Attributes:
        seed: seeds the pretraining and both runs.
        pretrained: the seed network, trained.
        test: its test accuracy, per cent.
        by_macs: cut with MACs as the resource.
        by_latency: cut with latency, to what the other one takes.
    """

    seed: int
    pretrained: nn.Module
    test: float
    by_macs: Adapted
    by_latency: Adapted

    def runs(self) -> dict[str, Adapted]:
        """Both, by name."""
        return {ADAPTED: self.by_latency, BY_MACS: self.by_macs}


def search(seed: int, split: Split, resource: Resource, settings: Settings) -> Search:
    """Pretrain, cut by MACs, and cut by latency to the same latency in as many steps.

    The one guided by MACs goes first: what it has reached, in seconds, is the other one's
    budget. The last step of the one guided by latency takes what is missing and no more. So both
    end at the same estimated latency after the same number of steps, but for what that last
    step overshoots, which is at the expense of the one guided by latency.

    Args:
        seed: seeds the pretraining and both runs.
        split: test images serve only to evaluate the pretrained network.
        resource: seconds of a network.
        settings: how much of everything.
    """
    make = partial(networks.mobilenet_v1, settings.widths)
    fitted = train.fit(make, split, seed=seed, epochs=settings.epochs, **settings.how)
    net = fitted.net.cpu()
    macs = networks.Macs(net)
    schedule = Schedule(settings.first * macs(net), settings.decay)
    options = dict(
        seed=seed, short=settings.short, multiple=networks.MULTIPLE, device=settings.device
    )
    by_macs = adapt(
        net, split, macs, budget=1, schedule=schedule, most=settings.steps, **options
    )  # fmt: skip
    budget = resource(by_macs.network)
    by_latency = _adapt_to(budget, net, split, resource, settings, options)
    return Search(seed, net, fitted.test, by_macs, by_latency)


def _adapt_to(
    budget: float, network: nn.Module, split: Split, resource: Resource, settings: Settings,
    options: Mapping[str, object],
) -> Adapted:  # fmt: skip
    """Cut to a latency in the steps of the settings; the last takes what is missing, no more."""
    decays = Schedule(1.0, settings.decay).total(settings.steps)
    schedule = Schedule((resource(network) - budget) / decays, settings.decay)
    options = dict(options, budget=budget)
    begun = adapt(
        network, split, resource, schedule=schedule, most=settings.steps - 1, **options
    )  # fmt: skip
    if begun.reached:
        return begun
    missing = Schedule(begun.resource - budget)
    return begun.then(adapt(begun.network, split, resource, schedule=missing, most=1, **options))


def searches(
    seeds: int, split: Split, resource: Resource, settings: Settings, jobs: int
) -> list[Search]:
    """`search` for each seed, one process a seed."""
    asked = [(seed, split, resource, settings) for seed in range(seeds)]
    return list(parallel.spread(search, asked, jobs))


def last_widths(run: Adapted) -> Widths:
    """Filters of each layer at the end."""
    return tuple(int(n) for n in run.widths.iloc[-1])


def finish(
    found: Search, uniform: Sequence[int], split: Split, settings: Settings
) -> list[dict[str, object]]:
    """Fine-tune, or train from scratch, what one seed has been cut to; the test set once each.

    Args:
        found: of the seed.
        uniform: widths of the uniform network that takes as long as NetAdapt's.
        split: the images.
        settings: as it was searched.

    Returns:
        Rows ``variant``, ``seed``, ``validation``, ``test`` (per cent).
    """
    options = dict(seed=found.seed, **settings.how)
    long = dict(epochs=settings.long, lr=settings.lr, **options)
    fits = {name: run.long_term_fine_tune(split, **long) for name, run in found.runs().items()}
    cut = _retune(networks.prune_to(found.pretrained, uniform), split, found.seed, settings)
    fits[UNIFORM] = train.fit(lambda: cut, split, **long)
    epochs = settings.scratch_epochs(len(split.train))
    for name, widths in {SCRATCH: uniform, SHAPE: last_widths(found.by_latency)}.items():
        make = partial(networks.mobilenet_v1, widths)
        fits[name] = train.fit(make, split, epochs=epochs, **options)
    return [
        dict(variant=name, seed=found.seed, validation=fit.validation, test=fit.test)
        for name, fit in fits.items()
    ]


def _retune(network: nn.Module, split: Split, seed: int, settings: Settings) -> nn.Module:
    """As many short steps at once as NetAdapt's network has had on its way."""
    short = replace(settings.short, steps=settings.steps * settings.short.steps)
    network, device = network.to(settings.device), torch.device(settings.device)
    with within_memory(device, f"{UNIFORM}, seed {seed}", short.batch), one_thread(device):
        short_term_fine_tune(network, split.train.to(device), short, seed)
    return network


def finishes(
    found: Sequence[Search], uniform: Sequence[Widths], split: Split, settings: Settings, jobs: int
) -> pd.DataFrame:
    """`finish` for each seed, one process a seed."""
    asked = [(one, widths, split, settings) for one, widths in zip(found, uniform, strict=True)]
    rows = [row for some in parallel.spread(finish, asked, jobs) for row in some]
    rows += [{"variant": SEED, "seed": one.seed, "test": one.test} for one in found]
    return pd.DataFrame(rows)


def effects(frame: pd.DataFrame) -> dict[str, Estimate]:
    """The differences of `COMPARED`, in points."""
    return {name: train.difference(frame, *pair) for name, pair in COMPARED.items()}


def race(
    found: Sequence[Search], widths: Widths, table: lookup.Table, budget: float
) -> Comparison:  # fmt: skip
    """Time all adapted networks, the seed network, and the uniform rungs near them.

    Args:
        found: of all seeds.
        widths: of the seed network.
        table: to see which rungs are near.
        budget: seconds.
    """
    finals = {
        final(name, one.seed): run.network for one in found for name, run in one.runs().items()
    }
    times = [table.estimate(network) for network in finals.values()]
    low, high = min(times) / NEAR, max(times) * NEAR
    rungs = [
        one for one in networks.ladder(widths)[1:]
        if low <= table.estimate(networks.weightless(one)) <= high
    ]  # fmt: skip
    finals |= {rung(one): networks.mobilenet_v1(one) for one in rungs}
    nets, device = {SEED: networks.mobilenet_v1(widths)} | finals, table.how.device
    calls = {name: networks.call(network, device) for name, network in nets.items()}
    return latency.compare(calls, device=device, budget=budget)


def final(name: str, seed: int) -> str:
    """What an adapted network is called in a race."""
    return f"{name}, seed {seed}"


def rung(widths: Widths) -> str:
    """What a uniform network is called in a race."""
    return f"uniform {widths}"


def rivals(raced: Comparison, found: Sequence[Search], widths: Widths) -> list[Widths]:
    """For each seed the uniform network whose measured latency is nearest to NetAdapt's.

    Raises:
        ValueError: no uniform network was near enough to be timed.
    """
    took = raced.times.median()
    rungs = [one for one in networks.ladder(widths) if rung(one) in took]
    if not rungs:
        raise ValueError("no uniform network takes about as long as an adapted one")
    aims = [took[final(ADAPTED, one.seed)] for one in found]
    return [min(rungs, key=lambda w: abs(np.log(took[rung(w)] / aim))) for aim in aims]


def ratios(raced: Comparison, found: Sequence[Search], others: Sequence[str]) -> Estimate:
    """Mean over the seeds of NetAdapt's measured latency over another's, paired by seed.

    Args:
        raced: as `race` gives it.
        found: of all seeds.
        others: names in the race, one a seed.
    """
    pairs = [(final(ADAPTED, one.seed), each) for one, each in zip(found, others, strict=True)]
    return mean_interval([raced.ratio(*pair).value for pair in pairs])


def budget_share(raced: Comparison, found: Sequence[Search], table: lookup.Table) -> Estimate:
    """Measured latency of the adapted networks over their budgets, both over the seed network's."""
    shares = []
    for one in found:
        budget = table.estimate(one.by_macs.network) / table.estimate(one.pretrained)
        shares.append(raced.ratio(final(ADAPTED, one.seed), SEED).value / budget)
    return mean_interval(shares)
