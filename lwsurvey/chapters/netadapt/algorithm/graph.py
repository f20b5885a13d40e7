"""Which channels hang together, as torch-pruning's dependency graph finds it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import nn

from lwsurvey.search import SearchError

with warnings.catch_warnings():
    # It imports timm, whose import of tqdm asks for notebook widgets.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import torch_pruning as tp


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
        return list(self._parts(self._group(name, places)))

    def cut(self, name: str, places: Sequence[int]) -> None:
        """Take output channels from a layer, in place, with all that depends on them."""
        self._group(name, places).prune(record_history=False)

    def _group(self, name: str, places: Sequence[int]) -> tp.Group:
        module = self.network.get_submodule(name)
        linear = isinstance(module, nn.Linear)
        how = tp.prune_linear_out_channels if linear else tp.prune_conv_out_channels
        return self._graph.get_pruning_group(module, how, list(places))

    def _parts(self, group: tp.Group) -> Iterator[Part]:
        for item in group:
            module, handler = item.dep.target.module, item.dep.handler
            if module in self.names:
                out = self._graph.is_out_channel_pruning_fn(handler)
                yield Part(self.names[module], module, out, list(item.idxs))
