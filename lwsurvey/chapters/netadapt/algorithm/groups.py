"""What of a network may be pruned together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lwsurvey.chapters.netadapt.algorithm.graph import Graph, Part
from lwsurvey.models.blocks import InvertedResidual, SqueezeExcitation
from lwsurvey.search import SearchError

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
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) or (
            isinstance(module, nn.Conv2d) and not _depthwise(module)
        ):
            yield name, module


def _group(graph: Graph, name: str, shape: tuple[int, ...], seen: set[str]) -> Group | None:
    """The group of a layer; none if an earlier layer had it, or nothing takes its outputs."""
    if name in seen:
        return None
    filters = graph.network.get_submodule(name).weight.shape[0]
    parts = graph.coupled(name, range(filters))
    made = [part for part in parts if part.out and _makes(part.module)]
    seen.update(part.name for part in made)
    if all(part.out for part in parts):
        return None
    for part in made:
        if part.places != list(range(len(part.module.weight))) or len(part.places) != filters:
            raise SearchError(f"the channels of {part.name} and {name} are only partly coupled; "
                              "such networks cannot be adapted here")  # fmt: skip
    producers, gates, kind = _sorted(graph.network, made)
    return Group(producers[0], kind, filters, producers, gates, shape)


def _sorted(
    network: nn.Module, made: Sequence[Part]
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Producers, gates and the kind of a group, in the order of the layers."""
    there = {part.name for part in made}
    roles = {name: _role(network, name) for name, _ in makers(network) if name in there}
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


def _makes(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or (
        isinstance(module, nn.Conv2d) and not _depthwise(module)
    )


def _depthwise(module: nn.Conv2d) -> bool:
    return module.groups == module.in_channels > 1


def _check(network: nn.Module) -> None:
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and 1 < module.groups != module.in_channels:
            raise SearchError(f"{name} has {module.groups} groups; only depthwise convolutions and "
                              "those of one group can be adapted")  # fmt: skip
    if not any(True for _ in network.parameters()):
        raise SearchError("the network has no weights to prune")
    if any(isinstance(p, torch.nn.UninitializedParameter) for p in network.parameters()):
        raise SearchError("run the network once, so that its lazy layers have weights")
