"""Pretrained networks, each cut by NetAdapt with MACs and with latency as the guide, over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import pandas as pd
from torch import nn

from lwsurvey import parallel, train
from lwsurvey.chapters.netadapt import algorithm, shapes
from lwsurvey.data import Split

Resource = Callable[[nn.Module], float]

ADAPTED, BY_MACS, SEED = "NetAdapt", "NetAdapt by MACs", "seed network"


@dataclass(frozen=True)
class Plan:
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
        batch: images a step, except in the short fine-tuning, which says so itself.
        amp: train in bfloat16, except there.
    """

    width: int = 64
    epochs: int = 2
    steps: int = 5
    first: float = 0.12
    decay: float = 0.96
    short: algorithm.Short = field(default_factory=partial(algorithm.Short, steps=10))
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
    def widths(self) -> tuple[int, ...]:
        """Of the seed network."""
        return shapes.full(self.width)

    def visits(self, images: int) -> int:
        """Images that an adapted network has seen, counted with repetition."""
        return (self.epochs + self.long) * images + self.steps * self.short.steps * self.short.batch

    def scratch_epochs(self, images: int) -> int:
        """Epochs in which a network sees as many images as an adapted one has, rounded up."""
        return math.ceil(self.visits(images) / images)


@dataclass(frozen=True)
class Searched:
    """What one seed has before the long fine-tuning.

    Attributes:
        seed: of all of it.
        pretrained: the seed network, trained.
        test: its test accuracy, per cent.
        by_macs: cut with MACs as the resource.
        by_latency: cut with latency, to what the other one takes.
    """

    seed: int
    pretrained: nn.Module
    test: float
    by_macs: algorithm.Adapted
    by_latency: algorithm.Adapted

    def adapted(self) -> dict[str, algorithm.Adapted]:
        """Both, by name."""
        return {ADAPTED: self.by_latency, BY_MACS: self.by_macs}


def search(seed: int, split: Split, latency: Resource, plan: Plan) -> Searched:
    """Pretrain, cut by MACs, and cut by latency to the same latency in as many steps.

    The one guided by MACs goes first: what it has reached, in seconds, is the other one's
    budget. The last step of the one guided by latency takes what is missing and no more. So both
    end at the same estimated latency after the same number of steps, but for what that last
    step overshoots, which is at the expense of the one guided by latency.

    Args:
        seed: of the pretraining and of both runs.
        split: test images serve only to evaluate the pretrained network.
        latency: seconds of a network.
        plan: how much of everything.
    """
    make = partial(shapes.mobilenet_v1, plan.widths)
    fitted = train.fit(make, split, seed=seed, epochs=plan.epochs, **plan.how)
    net = fitted.net.cpu()
    macs = shapes.Macs(net)
    reduction = algorithm.Schedule(plan.first * macs(net), plan.decay)
    options = dict(seed=seed, short=plan.short, multiple=shapes.MULTIPLE, device=plan.device)
    by_macs = algorithm.adapt(
        net, split, macs, budget=1, schedule=reduction, most=plan.steps, **options
    )  # fmt: skip
    by_latency = _to(latency(by_macs.network), net, split, latency, plan, options)
    return Searched(seed, net, fitted.test, by_macs, by_latency)


def _to(
    budget: float, network: nn.Module, split: Split, latency: Resource, plan: Plan,
    options: Mapping[str, object],
) -> algorithm.Adapted:  # fmt: skip
    """Cut to a latency in the steps of the plan; the last takes what is missing, and no more."""
    decays = algorithm.Schedule(1.0, plan.decay).total(plan.steps)
    reduction = algorithm.Schedule((latency(network) - budget) / decays, plan.decay)
    begun = algorithm.adapt(
        network, split, latency, budget=budget, schedule=reduction, most=plan.steps - 1, **options
    )  # fmt: skip
    if begun.reached:
        return begun
    missing = algorithm.Schedule(begun.resource - budget)
    ended = algorithm.adapt(
        begun.network, split, latency, budget=budget, schedule=missing, most=1, **options
    )  # fmt: skip
    return joined(begun, ended)


def joined(begun: algorithm.Adapted, ended: algorithm.Adapted) -> algorithm.Adapted:
    """Two runs, the second of which went on where the first had stopped, as one."""
    later = ended.log.assign(step=ended.log["step"] + begun.steps)
    return replace(
        ended,
        log=pd.concat([begun.log, later], ignore_index=True),
        steps=begun.steps + ended.steps,
        history=begun.history + ended.history,
        start=begun.start,
        filters=begun.filters,
        estimates=begun.estimates + ended.estimates,
    )


def searches(seeds: int, split: Split, latency: Resource, plan: Plan, jobs: int) -> list[Searched]:
    """`search` for each seed, one process a seed."""
    asked = [(seed, split, latency, plan) for seed in range(seeds)]
    return list(parallel.spread(search, asked, jobs))


def last_widths(adapted: algorithm.Adapted) -> tuple[int, ...]:
    """Filters of each layer at the end."""
    return tuple(int(n) for n in adapted.widths.iloc[-1])
