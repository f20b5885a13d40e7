"""Which channels of a network go together, found by torch-pruning, and networks without some."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lwsurvey.models.blocks import InvertedResidual, SqueezeExcitation
from lwsurvey.search import SearchError

with warnings.catch_warnings():
    # It imports timm, whose import of tqdm asks for notebook widgets.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import torch_pruning as tp

KINDS = ("plain", "expansion", "bottleneck")
"""What is pruned; neither paper shrinks the middle of squeeze-and-excitation, ``squeeze``."""


@dataclass(frozen=True)
class Group:
    """Channels that can only be pruned together: one of the K "layers" of the algorithm.

    Attributes:
        name: of the first convolution that makes them.
        kind: ``expansion``, the middle of inverted residuals; ``bottleneck``, what several
            convolutions make whose outputs are added, or a projection; ``squeeze``, the middle of
            squeeze-and-excitation; ``plain``, the others.
        filters: how many there are.
        producers: the convolutions and linear layers that make them, whose norms decide.
        image: shape of an image, on which the network was followed.
    """

    name: str
    kind: str
    filters: int
    producers: tuple[str, ...]
    image: tuple[int, ...]


class Graph:
    """A copy of a network, in evaluation mode, in which channels can be cut in place.

    Args:
        network: not changed; convolutions are depthwise or have one group.
        image: shape of one image, ``(channels, H, W)``.

    Raises:
        SearchError: the network does not take such images, or cannot be followed.
    """

    def __init__(self, network: nn.Module, image: Sequence[int]) -> None:
        self.network = copy.deepcopy(network).eval()
        self.names = {module: name for name, module in self.network.named_modules()}
        for module, name in self.names.items():
            if isinstance(module, nn.Conv2d) and 1 < module.groups != module.in_channels:
                raise SearchError(f"{name} has {module.groups} groups and cannot be adapted")
        # The tracing follows gradients, which frozen weights alone would not have.
        x = torch.zeros((1, *image), requires_grad=True)
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("error", UserWarning)  # what it cannot follow
            try:
                self.graph = tp.DependencyGraph().build_dependency(self.network, (x,))
            except (RuntimeError, ValueError, TypeError, UserWarning) as error:
                raise SearchError(f"the network cannot be followed: {error}") from error

    def coupled(self, name: str, places: Sequence[int]) -> list[tuple[str, bool, list[int]]]:
        """What these filters of a layer take with them: module, whether its outputs, which."""
        found = [(item.dep.target.module, item.dep.handler, item.idxs) for item in
                 self._group(name, places)]  # fmt: skip
        out = self.graph.is_out_channel_pruning_fn
        return [(self.names[m], out(f), list(at)) for m, f, at in found if m in self.names]

    def cut(self, name: str, places: Sequence[int]) -> None:
        """Take filters from a layer, with all that depends on them."""
        self._group(name, places).prune(record_history=False)

    def _group(self, name: str, places: Sequence[int]) -> tp.Group:
        module = self.network.get_submodule(name)
        how = self.graph.get_pruner_of_module(module).prune_out_channels
        return self.graph.get_pruning_group(module, how, list(places))


def groups(network: nn.Module, image: Sequence[int], kinds: Sequence[str] = KINDS) -> list[Group]:
    """The groups of a network, in the order of its layers; the classifier's outputs are in none.

    Args:
        network: as `Graph`, and so ``image``.
        kinds: which to give.

    Raises:
        SearchError: as `Graph`, or channels that are only partly coupled.
    """
    graph, seen, found = Graph(network, image), set(), []
    layers = {name: module for name, module in network.named_modules() if _mixes(module)}
    for name, module in layers.items():
        if name in seen:
            continue
        filters = len(module.weight)
        parts = graph.coupled(name, range(filters))
        made = {part: places for part, out, places in parts if out and part in layers}
        seen.update(made)
        if all(out for _, out, _ in parts):  # nothing takes its outputs
            continue
        if odd := [part for part, places in made.items() if places != list(range(filters))]:
            raise SearchError(f"the channels of {name} and {odd[0]} are only partly coupled")
        found.append(_group(network, name, [layer for layer in layers if layer in made], image))
    return [group for group in found if group.kind in kinds]


def _group(network: nn.Module, name: str, made: Sequence[str], image: Sequence[int]) -> Group:
    roles = {layer: _role(network, layer) for layer in made}
    producers = tuple(layer for layer in made if roles[layer] != "squeeze") or tuple(made)
    found = {roles[layer] for layer in producers}
    kind = "bottleneck" if len(producers) > 1 or "project" in found else "plain"
    kind = {"expand": "expansion", "squeeze": "squeeze"}.get(min(found), kind)
    filters = len(network.get_submodule(name).weight)
    return Group(producers[0], kind, filters, producers, tuple(image))


def _role(network: nn.Module, name: str) -> str:
    """Part of the innermost block of ours that a layer is in."""
    words = name.split(".")
    for i in reversed(range(len(words))):
        owner = network.get_submodule(".".join(words[:i]))
        if isinstance(owner, SqueezeExcitation):
            return "squeeze"
        if isinstance(owner, InvertedResidual):
            return words[i]
    return ""


def _mixes(module: nn.Module) -> bool:
    """Whether a module makes channels from several others; a depthwise convolution does not."""
    deep = isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1
    return isinstance(module, nn.Conv2d | nn.Linear) and not deep


def prune(network: nn.Module, group: Group, kept: Sequence[int]) -> nn.Module:
    """A copy in which a group has only some of its filters; the weights stay with them.

    Raises:
        SearchError: no filter is kept, places that are not there, or another network's group.
    """
    graph = Graph(network, group.image)
    if dropped := _dropped(network, group, kept):
        graph.cut(group.name, dropped)
    return graph.network.to(memory_format=torch.channels_last)


def masked(network: nn.Module, group: Group, kept: Sequence[int]) -> nn.Module:
    """A copy of full width that computes what `prune` gives, with zeros for the others.

    Whatever makes a dropped channel or passes it on has zeros for it, the shift of a
    normalisation included; activations must leave zero at zero.
    """
    graph = Graph(network, group.image)
    with torch.no_grad():
        for name, out, places in graph.coupled(group.name, _dropped(network, group, kept)):
            for values in graph.network.get_submodule(name).parameters() if out else ():
                values[places] = 0
    return graph.network


def _dropped(network: nn.Module, group: Group, kept: Sequence[int]) -> list[int]:
    there = len(network.get_submodule(group.name).weight)
    if there != group.filters:
        raise SearchError(f"{group.name} has {there} filters here, not {group.filters}: "
                          "ask for the groups of this network")  # fmt: skip
    if not kept or list(kept) != sorted(set(kept)) or kept[0] < 0 or kept[-1] >= there:
        raise SearchError(f"kept must be ascending places from 0 to {there - 1}, one at least")
    return sorted(set(range(there)) - set(kept))
