"""The inner loop of algorithm 1: how much of a layer stays, which filters, and their tuning.

The functions have the names of the pseudo-code: `choose_num_filters`, `choose_which_filters`,
`short_term_fine_tune`, and `pick_highest_accuracy` with MobileNet V3's `pick_slope`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from lwsurvey.chapters.netadapt.pruning import Graph, Group, makers, prune
from lwsurvey.data import Images
from lwsurvey.search import SearchError
from lwsurvey.train import accuracy
from lwsurvey.train.device import exact, one_thread, seeded, within_memory
from lwsurvey.train.recipe import order

Resource = Callable[[nn.Module], float]
"""What a network costs: seconds by a table, MACs, or a measurement. The network that it is given
is cut further after the call: it may not keep it."""

Arrays = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Images and classes as arrays, which joblib shares among its processes without copying them."""

LEAST = 2
"""Filters that stay at least: one alone would make a depthwise layer look like any other."""


@dataclass(frozen=True)
class Short:
    """The short-term fine-tuning of a proposal: a small constant learning rate.

    Attributes:
        steps: batches; none leaves the proposal as it was cut. The paper has 40,000.
        batch: batch size.
        lr: learning rate; in the paper a tenth of the long fine-tuning's.
        momentum: Nesterov's.
        weight_decay: of all weights.
        amp: tune in bfloat16, as `lwsurvey.train.fit`.

    Raises:
        SearchError: a number that is out of range.
    """

    steps: int = 15
    batch: int = 64
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    amp: bool = False

    def __post_init__(self) -> None:
        if self.steps < 0 or self.batch < 2:
            raise SearchError(f"fine-tune 0 steps or more of 2 images or more, not {self.steps} "
                              f"of {self.batch}")  # fmt: skip
        if not self.lr > 0:
            raise SearchError(f"the learning rate must be positive, it is {self.lr}")


class Choice(NamedTuple):
    """The number of filters that a layer keeps.

    Attributes:
        filters: how many; none if no number meets the limit.
        resource: of the network with so many.
        tried: how many networks were estimated.
    """

    filters: int | None
    resource: float
    tried: int


def take_empirical_measurement(resource: Resource, network: nn.Module) -> float:
    """What a network costs.

    Raises:
        SearchError: it is not a positive number.
    """
    cost = float(resource(network))
    if not (math.isfinite(cost) and cost > 0):
        raise SearchError(f"the resource of a network must be positive, it is {cost}")
    return cost


def counts(filters: int, multiple: int, least: int = LEAST) -> range:
    """Numbers of filters below the present one, from the largest down."""
    top = (filters - 1) // multiple * multiple
    return range(top, max(LEAST, multiple, least) - 1, -multiple)


def choose_num_filters(
    network: nn.Module, group: Group, limit: float, resource: Resource, multiple: int = 8,
    least: int = LEAST,
) -> Choice:  # fmt: skip
    """The largest number of filters with which the network meets a limit.

    All multiples below the present number are tried from the largest down, because latency may
    rise where filters fall; the first that meets the limit is the largest.

    Args:
        network: not changed.
        group: of this network.
        limit: what the resource may be.
        resource: what a network costs.
        multiple: the numbers that are tried are multiples of it; 8 in the published code.
        least: the smallest of them.

    Raises:
        SearchError: a resource that is not a positive number.
    """
    graph, tried = None, 0
    last = group.filters
    for count in counts(group.filters, multiple, least):
        graph = graph or Graph(network, group.shape)
        graph.cut(group.name, range(count, last))
        last, tried = count, tried + 1
        cost = take_empirical_measurement(resource, graph.network)
        if cost <= limit:
            return Choice(count, cost, tried)
    return Choice(None, math.nan, tried)


def choose_which_filters(network: nn.Module, group: Group, keep: int) -> tuple[int, ...]:
    """The filters of largest L2 norm, as ascending places; of equal ones the first.

    Where several convolutions make the same channels, their norms are added.

    Raises:
        SearchError: fewer than one filter, or more than there are.
    """
    if not 1 <= keep <= group.filters:
        raise SearchError(f"{group.name}: keep 1 to {group.filters} filters, not {keep}")
    weights = (network.get_submodule(name).weight for name in group.producers)
    norms = sum(weight.detach().cpu().double().flatten(1).norm(dim=1) for weight in weights)
    order_of_norms = torch.argsort(norms, descending=True, stable=True)
    return tuple(sorted(order_of_norms[:keep].tolist()))


def short_term_fine_tune(network: nn.Module, images: Images, short: Short, seed: int) -> None:
    """Fine-tune in place, at a constant learning rate.

    Args:
        network: on the images' device.
        images: to learn from.
        short: how long, and how.
        seed: of the order of the images.
    """
    optimiser = SGD(
        network.parameters(), short.lr, short.momentum, nesterov=short.momentum > 0,
        weight_decay=short.weight_decay,
    )  # fmt: skip
    network.train()
    device = images.x.device
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=short.amp)
    with exact(device):
        for places in _batches(len(images), short, seed):
            chosen = places.to(device)
            with autocast:
                loss = cross_entropy(network(images.x[chosen]), images.y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


def propose(
    network: nn.Module, parts: Sequence[Group], k: int, filters: int, short: Short, seed: int,
    device: str, train: Arrays, held_out: Arrays,
) -> dict[str, Any]:  # fmt: skip
    """Make a proposal. It depends on its arguments alone: it may be made anywhere, at any time.

    Args:
        network: the parent, not changed.
        parts: its groups.
        k: which of them is cut.
        filters: how many of its filters stay.
        short: the fine-tuning.
        seed: of all that is random in it.
        device: where it is tuned.
        train: for the fine-tuning.
        held_out: for the accuracies.

    Returns:
        ``kept`` (places), ``state`` (tensors of the tuned network, on the CPU), ``before`` and
        ``after`` (held-out accuracy around the fine-tuning, per cent), ``changed`` (groups
        with other numbers of filters than in the parent) and ``seconds``.
    """
    start, where = time.perf_counter(), torch.device(device)
    kept = choose_which_filters(network, parts[k], filters)
    cut = prune(network, parts[k], kept).to(where)
    with (
        within_memory(where, f"a proposal, seed {seed}", short.batch),
        seeded(seed, where),
        one_thread(where),
        exact(where),
    ):
        images, seen = _images(train, where), _images(held_out, where)
        before = accuracy(cut, seen)
        short_term_fine_tune(cut, images, short, seed)
        after = accuracy(cut, seen)
    return {
        "kept": list(kept), "before": before, "after": after,
        "state": {name: values.detach().cpu() for name, values in cut.state_dict().items()},
        "changed": len(changed(network, cut, parts)), "seconds": time.perf_counter() - start,
    }  # fmt: skip


def changed(parent: nn.Module, child: nn.Module, parts: Sequence[Group]) -> tuple[str, ...]:
    """Names of the groups in which two networks have different numbers of filters.

    Args:
        parent: a network.
        child: another with the same layers.
        parts: the groups of one of them.

    Raises:
        SearchError: layers outside these groups differ in their filters.
    """
    pairs = zip(makers(parent), makers(child), strict=True)
    layers = {a for (a, one), (_, other) in pairs if len(one.weight) != len(other.weight)}
    cut = {part.name: (*part.producers, *part.gates) for part in parts}
    names = tuple(name for name, own in cut.items() if layers.intersection(own))
    if odd := layers.difference(*cut.values()):
        raise SearchError(f"layers outside the groups have other filters: {sorted(odd)}")
    return names


Pick = Callable[[Sequence[float], Sequence[float], float, float], int]
"""Picks a proposal from accuracies and resources of all, accuracy and resource of their parent."""


def pick_highest_accuracy(
    accuracies: Sequence[float], resources: Sequence[float], accuracy: float, resource: float
) -> int:
    """The proposal of highest accuracy; of equal ones that of the lowest resource.

    Args:
        accuracies: of the proposals, on held-out images.
        resources: of the proposals.
        accuracy: of the network that they come from.
        resource: of that network.

    Returns:
        A place in ``accuracies``.
    """
    return int(np.lexsort((resources, -np.asarray(accuracies)))[0])


def pick_slope(
    accuracies: Sequence[float], resources: Sequence[float], accuracy: float, resource: float
) -> int:
    """The proposal of the largest change of accuracy for each unit of the resource saved.

    Howard et al. 2019, section 5.2: the largest ``dAcc / |dLatency|``. Where accuracy falls, a
    larger saving raises the ratio; where it rises, a larger saving lowers it. Of equal ratios,
    the largest saving.

    Args:
        accuracies: as `pick_highest_accuracy`, and so the others.

    Raises:
        SearchError: a proposal that saves nothing has no slope.
    """
    saved = resource - np.asarray(resources, dtype=float)
    if not (saved > 0).all():
        raise SearchError("each proposal must cost less than the network that it comes from")
    slopes = (np.asarray(accuracies, dtype=float) - accuracy) / saved
    return int(np.lexsort((-saved, -slopes))[0])


def _batches(images: int, short: Short, seed: int) -> list[Tensor]:
    """Places of the images of each step: whole batches of as many epochs as it takes."""
    generator, batches = torch.Generator().manual_seed(seed), []
    while len(batches) < short.steps:
        places = order(images, generator)[: images // short.batch * short.batch]
        batches.extend(places.split(short.batch))
    return batches[: short.steps]


def _images(part: Arrays, device: torch.device) -> Images:
    x, y = (torch.from_numpy(a if a.flags.writeable else a.copy()) for a in part)
    return Images(x.to(device).contiguous(memory_format=torch.channels_last), y.to(device))
