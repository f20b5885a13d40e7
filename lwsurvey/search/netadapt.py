"""NetAdapt: algorithm 1 of Yang et al. 2018 (arXiv 1804.03230), for networks of your own.

The functions have the names of the pseudo-code; which channels go together, and networks without
some of them, are in `lwsurvey.search.channels`. MobileNet V3's variant (Howard et al. 2019,
section 5.2) is `pick_slope`, with the kinds of groups ``expansion`` and ``bottleneck``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lwsurvey.data import Images, Split
from lwsurvey.search import SearchError
from lwsurvey.search.channels import KINDS, Graph, Group, groups, prune
from lwsurvey.train.fitting import accuracy
from lwsurvey.train.recipe import order

Resource = Callable[[nn.Module], float]
"""What a network costs: seconds by a table, MACs, or a measurement."""


@dataclass(frozen=True)
class Schedule:
    """The reduction of step ``i``, from 1: ``first * decay ** (i - 1)``.

    Attributes:
        first: what the first step saves at least, in the unit of the resource.
        decay: from one step to the next; 0.96 in the paper.
    """

    first: float
    decay: float = 0.96

    def __post_init__(self) -> None:
        if not (math.isfinite(self.first) and self.first > 0 and 0 < self.decay <= 1):
            raise SearchError(f"a schedule needs first > 0 and 0 < decay <= 1, not {self}")

    def reduction(self, i: int) -> float:
        """What step ``i`` saves at least."""
        return self.first * self.decay ** (i - 1)


@dataclass(frozen=True)
class Short:
    """The short-term fine-tuning: batches at a small constant learning rate, Nesterov's momentum.

    Attributes:
        steps: batches; the paper has 40,000.
        batch: batch size.
        lr: learning rate.
        momentum: constant.
        weight_decay: of all weights.
    """

    steps: int = 10
    batch: int = 64
    lr: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        if self.steps < 0 or self.batch < 2 or not self.lr > 0:
            raise SearchError(f"steps >= 0, batch >= 2 and lr > 0 are needed, not {self}")


@dataclass(frozen=True)
class Proposal:
    """A network with one group cut, fine-tuned for a moment.

    Attributes:
        group: as it was in the parent.
        kept: places of the filters that stay.
        network: with the others cut.
        resource: of the network.
        accuracy: of the network after the short fine-tuning, on held-out images, per cent.
    """

    group: Group
    kept: tuple[int, ...]
    network: nn.Module
    resource: float
    accuracy: float


Pick = Callable[[Sequence[Proposal], float, float], Proposal]
"""Picks one of the proposals, which come from a network of this accuracy and resource."""


@dataclass(frozen=True)
class Step:
    """An iteration of the outer loop.

    Attributes:
        parent: the network before it.
        resource: of the parent.
        constraint: what a proposal could cost.
        proposals: those that met it.
        picked: the one that the run goes on with.
    """

    parent: nn.Module
    resource: float
    constraint: float
    proposals: tuple[Proposal, ...]
    picked: Proposal


def adapt(
    network: nn.Module, split: Split, resource: Resource, budget: float, schedule: Schedule, *,
    short: Short | None = None, pick: Pick | None = None, seed: int = 0,
    kinds: Sequence[str] = KINDS, multiple: int = 8,
) -> Iterator[Step]:  # fmt: skip
    """Algorithm 1 without its last line, step by step; it ends early if no proposal meets Con.

    Args:
        network: pretrained, on the CPU; not changed.
        split: tuned on ``train``, picked on ``validation``; test images are not looked at.
        resource: what a network costs.
        budget: what the adapted network may cost, in the same unit.
        schedule: what each step saves at least; the last one saves what is missing.
        short: the short fine-tuning.
        pick: `pick_highest_accuracy`, if not given, or `pick_slope`.
        seed: of the order of the images; each proposal has its own.
        kinds: groups that may be cut.
        multiple: numbers of filters are multiples of it.

    Raises:
        SearchError: no images to pick on, or a budget that is not below the network's cost.
    """
    net, res, i = copy.deepcopy(network), resource(network), 0
    check(split, budget, res)
    acc = accuracy(net, split.validation)
    while res > budget:
        i += 1
        con = max(res - schedule.reduction(i), budget)
        proposals = []
        for k, group in enumerate(groups(net, split.train.x.shape[1:], kinds)):
            filters = choose_num_filters(net, group, con, resource, multiple)
            if filters is None:
                continue
            kept = choose_which_filters(net, group, filters)
            simplified = prune(net, group, kept)
            cost = resource(simplified)
            short_term_fine_tune(
                simplified, split.train, short or Short(), (seed * 997 + i) * 97 + k
            )
            held_out = accuracy(simplified, split.validation)
            proposals.append(Proposal(group, kept, simplified, cost, held_out))
        if not proposals:
            return
        picked = (pick or pick_highest_accuracy)(proposals, acc, res)
        yield Step(net, res, con, tuple(proposals), picked)
        net, res, acc = picked.network, picked.resource, picked.accuracy


def check(split: Split, budget: float, cost: float) -> None:
    """Raise SearchError if nothing can be picked, or nothing has to be cut."""
    if not len(split.validation):
        raise SearchError("there are no held-out images (split.validation) to pick proposals on")
    if not 0 < budget < cost:
        raise SearchError(f"the budget must be above 0 and below the network's {cost:g}, "
                          f"not {budget:g}")  # fmt: skip


def choose_num_filters(
    network: nn.Module, group: Group, constraint: float, resource: Resource, multiple: int = 8
) -> int | None:
    """The largest number of filters that meets the constraint, if any does.

    All multiples are tried from the largest down: latency may rise where filters fall.
    """
    graph, last = Graph(network, group.image), group.filters
    for filters in range((last - 1) // multiple * multiple, max(1, multiple - 1), -multiple):
        graph.cut(group.name, range(filters, last))
        last = filters
        if resource(graph.network) <= constraint:
            return filters
    return None


def choose_which_filters(network: nn.Module, group: Group, filters: int) -> tuple[int, ...]:
    """Those of largest L2 norm, ascending; norms of convolutions that share them are added."""
    weights = (network.get_submodule(name).weight for name in group.producers)
    norms = sum(weight.detach().double().flatten(1).norm(dim=1) for weight in weights)
    return tuple(sorted(norms.argsort(descending=True, stable=True)[:filters].tolist()))


def short_term_fine_tune(network: nn.Module, images: Images, short: Short, seed: int) -> None:
    """A few batches, in place."""
    how = dict(lr=short.lr, momentum=short.momentum, weight_decay=short.weight_decay)
    optimiser = torch.optim.SGD(network.parameters(), nesterov=short.momentum > 0, **how)
    generator, left = torch.Generator().manual_seed(seed), short.steps
    network.train()
    while left:
        places = order(len(images), generator)
        for chosen in places[: len(images) // short.batch * short.batch].split(short.batch)[:left]:
            loss = cross_entropy(network(images.x[chosen]), images.y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            left -= 1
    network.eval()


def pick_highest_accuracy(proposals: Sequence[Proposal], acc: float, res: float) -> Proposal:
    """The most accurate proposal; of equal ones the cheapest."""
    return max(proposals, key=lambda one: (one.accuracy, -one.resource))


def pick_slope(proposals: Sequence[Proposal], acc: float, res: float) -> Proposal:
    """MobileNet V3's: the largest change of accuracy for each unit of the resource saved."""
    return max(proposals, key=lambda one: (one.accuracy - acc) / abs(one.resource - res))
