"""ChooseNumFilters and ChooseWhichFilters of algorithm 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lwsurvey.chapters.netadapt.algorithm.graph import Graph
from lwsurvey.chapters.netadapt.algorithm.groups import Group
from lwsurvey.search import SearchError

Resource = Callable[[nn.Module], float]
"""What a network costs: seconds by a table, MACs, or a measurement. The network that it is given
is cut further after the call: it may not keep it."""

LEAST = 2
"""Filters that stay at least: one alone would make a depthwise layer look like any other."""


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
        cost = asked(resource, graph.network)
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
    norms = sum(_norms(network.get_submodule(name).weight) for name in group.producers)
    order = torch.argsort(norms, descending=True, stable=True)
    return tuple(sorted(order[:keep].tolist()))


def counts(filters: int, multiple: int, least: int = LEAST) -> range:
    """Numbers of filters below the present one, from the largest down."""
    top = (filters - 1) // multiple * multiple
    return range(top, max(LEAST, multiple, least) - 1, -multiple)


def asked(resource: Resource, network: nn.Module) -> float:
    """What a network costs.

    Raises:
        SearchError: it is not a positive number.
    """
    cost = float(resource(network))
    if not (math.isfinite(cost) and cost > 0):
        raise SearchError(f"the resource of a network must be positive, it is {cost}")
    return cost


def _norms(weight: Tensor) -> Tensor:
    return weight.detach().cpu().double().flatten(1).norm(dim=1)
