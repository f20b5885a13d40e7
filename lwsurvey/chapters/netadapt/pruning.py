"""Which channels of a network go together, found by torch-pruning, and networks without some."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lwsurvey.models.blocks import InvertedResidual, SqueezeExcitation
from lwsurvey.search import SearchError

with warnings.catch_warnings():
    # It imports timm, whose import of tqdm asks for notebook widgets.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import torch_pruning as tp

KINDS = ("plain", "expansion", "bottleneck")
"""What NetAdapt prunes. The inner width of squeeze-and-excitation, kind ``squeeze``, stays as it
is: neither paper shrinks it, and it is a small part of the cost."""


@dataclass(frozen=True)
class Group:
    """Channels that can only be pruned together.

    Attributes:
        name: of the first convolution that makes them.
        kind: ``expansion``, the middle of an inverted residual; ``bottleneck``, what inverted
            residuals project to, or what several convolutions make whose outputs are added;
            ``squeeze``, the middle of squeeze-and-excitation; ``plain``, the others.
        filters: how many channels there are.
        producers: the convolutions and linear layers that make them, whose norms decide.
            Depthwise convolutions and gates only pass channels on.
        gates: the last layers of squeeze-and-excitation, with a filter for each channel.
        shape: of the images that the network was followed on.
    """

    name: str
    kind: str
    filters: int
    producers: tuple[str, ...]
    gates: tuple[str, ...]
    shape: tuple[int, ...]


class Part(NamedTuple):
    """A module that pruning a channel cuts.

    Attributes:
        name: of the module in the network.
        module: with weights.
        out: its output channels are cut (for a normalisation, its channels), not its inputs.
        places: the channels, or inputs, in the order of the root's channels.
    """

    name: str
    module: nn.Module
    out: bool
    places: list[int]


class Graph:
    """A network that can be cut in place; a copy, in evaluation mode.

    Args:
        network: not changed.
        shape: of the images, ``(batch, channels, H, W)``.

    Raises:
        SearchError: the network does not take such images, or has what cannot be followed.
    """

    def __init__(self, network: nn.Module, shape: Sequence[int]) -> None:
        self.network = copy.deepcopy(network)
        self.names = {module: name for name, module in self.network.named_modules()}
        device = next(self.network.parameters()).device
        # The tracing follows gradients, which frozen weights alone would not have.
        x = torch.zeros(tuple(shape), device=device, requires_grad=True)
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("error", UserWarning)  # what it cannot follow
            try:
                self._graph = tp.DependencyGraph().build_dependency(self.network, (x,))
            except (RuntimeError, ValueError, TypeError, UserWarning) as error:
                raise SearchError(f"the network cannot be followed on {tuple(shape)}: {error}"
                                  ) from error  # fmt: skip

    def coupled(self, name: str, places: Sequence[int]) -> list[Part]:
        """All that must be cut if a layer loses these output channels."""
        parts = []
        for item in self._group(name, places):
            module, handler = item.dep.target.module, item.dep.handler
            if module in self.names:
                out = self._graph.is_out_channel_pruning_fn(handler)
                parts.append(Part(self.names[module], module, out, list(item.idxs)))
        return parts

    def cut(self, name: str, places: Sequence[int]) -> None:
        """Take output channels from a layer, in place, with all that depends on them."""
        self._group(name, places).prune(record_history=False)

    def _group(self, name: str, places: Sequence[int]) -> tp.Group:
        module = self.network.get_submodule(name)
        linear = isinstance(module, nn.Linear)
        how = tp.prune_linear_out_channels if linear else tp.prune_conv_out_channels
        return self._graph.get_pruning_group(module, how, list(places))


def groups(
    network: nn.Module, inputs: Tensor | Sequence[int], kinds: Sequence[str] = KINDS
) -> tuple[Group, ...]:
    """All groups of a network, in the order of its layers.

    The outputs of the classifier and the channels of the image are in none of them.

    Args:
        network: not changed; convolutions are depthwise or have one group.
        inputs: images, or their shape, ``(batch, channels, H, W)``.
        kinds: which to give.

    Raises:
        SearchError: a grouped convolution, channels that are only partly coupled, or a network
            that does not take such images.
    """
    shape = tuple(inputs.shape if isinstance(inputs, Tensor) else inputs)
    _check(network)
    graph = Graph(network, shape)
    seen: set[str] = set()
    found = [_group(graph, name, shape, seen) for name, _ in makers(network)]
    return tuple(group for group in found if group and group.kind in kinds)


def makers(network: nn.Module) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
    """Convolutions and linear layers that mix channels, by name."""
    return ((name, module) for name, module in network.named_modules() if _mixes(module))


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
    return channels_last(_like(network, graph.network))


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


def check_outputs(network: nn.Module, parts: Sequence[Group]) -> None:
    """Raise SearchError unless the outputs stay as many if a channel of a group is cut."""
    wanted = _output_shape(network, parts[0])
    for part in parts:
        found = _output_shape(prune(network, part, range(part.filters - 1)), part)
        if found != wanted:
            raise SearchError(f"pruning {part.name} would change the outputs: {found} in place of "
                              f"{wanted}")  # fmt: skip


def channels_last(network: nn.Module) -> nn.Module:
    """The network with the channels of a pixel side by side in memory, as it is trained."""
    return network.to(memory_format=torch.channels_last)


def _check(network: nn.Module) -> None:
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and 1 < module.groups != module.in_channels:
            raise SearchError(f"{name} has {module.groups} groups; only depthwise convolutions and "
                              "those of one group can be adapted")  # fmt: skip
    if not any(True for _ in network.parameters()):
        raise SearchError("the network has no weights to prune")
    if any(isinstance(p, torch.nn.UninitializedParameter) for p in network.parameters()):
        raise SearchError("run the network once, so that its lazy layers have weights")


def _group(graph: Graph, name: str, shape: tuple[int, ...], seen: set[str]) -> Group | None:
    """The group of a layer; none if an earlier layer had it, or nothing takes its outputs."""
    if name in seen:
        return None
    filters = graph.network.get_submodule(name).weight.shape[0]
    parts = graph.coupled(name, range(filters))
    made = [part for part in parts if part.out and _mixes(part.module)]
    seen.update(part.name for part in made)
    if all(part.out for part in parts):
        return None
    for part in made:
        if part.places != list(range(len(part.module.weight))) or len(part.places) != filters:
            raise SearchError(f"the channels of {part.name} and {name} are only partly coupled; "
                              "such networks cannot be adapted here")  # fmt: skip
    producers, gates, kind = _roles(graph.network, {part.name for part in made})
    return Group(producers[0], kind, filters, producers, gates, shape)


def _roles(network: nn.Module, made: set[str]) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Producers, gates and the kind of a group, in the order of the layers."""
    roles = {name: _role(network, name) for name, _ in makers(network) if name in made}
    producers = tuple(name for name, role in roles.items() if role != "squeeze")
    gates = tuple(name for name, role in roles.items() if role == "squeeze")
    if not producers:
        return gates, (), "squeeze"
    found = {roles[name] for name in producers}
    if found == {"expand"}:
        return producers, gates, "expansion"
    shared = len(producers) > 1 or "project" in found
    return producers, gates, "bottleneck" if shared else "plain"


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
    if isinstance(module, nn.Conv2d):
        return not module.groups == module.in_channels > 1
    return isinstance(module, nn.Linear)


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


def _like(network: nn.Module, cut: nn.Module) -> nn.Module:
    """``cut``, frozen and in training mode where the network is: the library forgets both."""
    for one, other in zip(network.parameters(), cut.parameters(), strict=True):
        other.requires_grad_(one.requires_grad)
    for one, other in zip(network.modules(), cut.modules(), strict=True):
        other.training = one.training
    return cut


def _output_shape(network: nn.Module, part: Group) -> tuple[int, ...]:
    training, device = network.training, next(network.parameters()).device
    network.eval()
    try:
        with torch.no_grad():
            return tuple(network(torch.zeros(part.shape, device=device)).shape)
    except RuntimeError as error:
        raise SearchError(f"the network does not work once {part.name} is cut: {error}") from error
    finally:
        network.train(training)
