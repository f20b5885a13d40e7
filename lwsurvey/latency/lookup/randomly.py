"""Random widths of a network."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from lwsurvey.latency.lookup.errors import TableError

with warnings.catch_warnings():
    # It imports timm, whose import of tqdm asks for notebook widgets.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import torch_pruning as tp

MULTIPLE = 8


def random_widths(
    network: nn.Module, shape: Sequence[int], count: int = 30, *, seed: int = 0,
    multiple: int = MULTIPLE, least: int | None = None,
) -> dict[str, nn.Module]:  # fmt: skip
    """Copies of a network, each channel dimension cut to a random width.

    What must be as wide as something else, such as the ends of a residual block, is cut with
    it. The channels that are left are the first ones: the copies are for timing.

    Args:
        network: the widest.
        shape: of its input.
        count: copies.
        seed: of the widths.
        multiple: widths are multiples of it, or full.
        least: fewest channels; ``multiple`` by default.

    Returns:
        The copies by name, ``random 0`` and so on, in evaluation mode.

    Raises:
        TableError: a count that is not positive.
    """
    if count < 1:
        raise TableError(f"count is positive, not {count}")
    least = multiple if least is None else least
    rng = np.random.default_rng(seed)
    return {f"random {i}": _narrowed(network, shape, rng, multiple, least) for i in range(count)}


def _narrowed(
    network: nn.Module, shape: Sequence[int], rng: np.random.Generator, multiple: int, least: int
) -> nn.Module:
    network = copy.deepcopy(network).cpu().eval()
    example = torch.zeros(1, *shape[1:])
    graph = tp.DependencyGraph().build_dependency(network, example_inputs=example)
    for group in list(graph.get_all_groups(ignored_layers=_outputs(network))):
        full = len(group[0].idxs)
        choices = [n for n in range(multiple, full, multiple) if n >= least] + [full]
        left = int(rng.choice(choices))
        part, prune = group[0].dep.target.module, group[0].dep.handler
        if left < full:
            graph.get_pruning_group(part, prune, list(range(left, full))).prune()
    return network


def _outputs(network: nn.Module) -> list[nn.Module]:
    """The last linear layer, whose outputs are the classes."""
    layers: Iterator[nn.Module] = (m for m in network.modules() if isinstance(m, nn.Linear))
    return list(layers)[-1:]
