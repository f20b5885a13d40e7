"""Networks without some of their channels, truly or by zeros."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from lwsurvey.chapters.netadapt.algorithm.graph import Graph
from lwsurvey.chapters.netadapt.algorithm.groups import Group, groups, makers
from lwsurvey.search import SearchError

Step = tuple[str, tuple[int, ...]]
"""Name of a group, and its channels that were kept."""


def prune(network: nn.Module, group: Group, kept: Sequence[int]) -> nn.Module:
    """A copy in which a group has only some of its channels; the weights stay with them.

    Args:
        network: not changed.
        group: of this network.
        kept: places of the channels that stay, ascending.

    Raises:
        SearchError: no channel is kept, places that are not there, or another network's group.
    """
    graph = Graph(network, group.shape)
    if dropped := _dropped(network, group, kept):
        graph.cut(group.name, dropped)
    return usual(_like(network, graph.network))


def masked(network: nn.Module, group: Group, kept: Sequence[int]) -> nn.Module:
    """A copy of full width that computes what `prune` gives.

    Everything that makes a dropped channel or passes it on has zeros for it: filters, biases,
    and the scale and shift of normalisation, whose shift would let the channel live on. The
    layers that read the channels are as they were.

    Args:
        network: as `prune`, and so ``group`` and ``kept``; its activations must leave zero at
            zero, as ReLU and h-swish do.

    Raises:
        SearchError: as `prune`.
    """
    dropped = _dropped(network, group, kept)
    graph = Graph(network, group.shape)
    with torch.no_grad():
        for part in graph.coupled(group.name, dropped) if dropped else ():
            if part.out:
                for values in part.module.parameters(recurse=False):
                    values[part.places] = 0
    return _like(network, graph.network)


def replayed(network: nn.Module, history: Sequence[Step], shape: Sequence[int]) -> nn.Module:
    """A network pruned again as a run did it, without the fine-tuning between.

    Args:
        network: the one that the run began with.
        history: the run's ``history``.
        shape: of the images.

    Raises:
        SearchError: the history is of another network.
    """
    for name, kept in history:
        by_name = {group.name: group for group in groups(network, shape)}
        if name not in by_name:
            raise SearchError(f"the history prunes {name!r}, which this network does not have")
        network = prune(network, by_name[name], kept)
    return usual(copy.deepcopy(network))


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


def usual(network: nn.Module) -> nn.Module:
    """The network with the channels of a pixel side by side in memory, as it is trained."""
    return network.to(memory_format=torch.channels_last)


def _like(network: nn.Module, cut: nn.Module) -> nn.Module:
    """``cut``, frozen and in training mode where the network is: the library forgets both."""
    for one, other in zip(network.parameters(), cut.parameters(), strict=True):
        other.requires_grad_(one.requires_grad)
    for one, other in zip(network.modules(), cut.modules(), strict=True):
        other.training = one.training
    return cut


def _dropped(network: nn.Module, group: Group, kept: Sequence[int]) -> list[int]:
    try:
        there = len(network.get_submodule(group.name).weight)
    except AttributeError as error:
        raise SearchError(f"this network has no layer {group.name!r}") from error
    if there != group.filters:
        raise SearchError(f"{group.name} has {there} filters here, not {group.filters}: "
                          "ask for the groups of this network")  # fmt: skip
    if not kept or list(kept) != sorted(set(kept)) or kept[0] < 0 or kept[-1] >= there:
        raise SearchError(f"kept must be ascending places from 0 to {there - 1}, one at least")
    return sorted(set(range(there)) - set(kept))
