"""Networks of the chapter by the widths of their layers, and what they cost in MACs and time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import nn

from lwsurvey import cost, latency
from lwsurvey.chapters.netadapt.proposals import choose_which_filters
from lwsurvey.chapters.netadapt.pruning import groups, prune
from lwsurvey.latency import lookup
from lwsurvey.models import small
from lwsurvey.models.blocks import DepthwiseSeparable, Head, norm_relu, same_convolution
from lwsurvey.stats import Estimate

LAYERS = ("stem", "pw 1", "pw 2", "pw 3", "pw 4", "pw 5", "pw 6")
"""What has filters of its own in the chapter's network; a depthwise layer follows what it reads."""

MULTIPLE = 8
"""Widths are multiples of it: a kernel works on so many channels at a time, so that others save
nothing."""

SHAPE = (32, 1, 28, 28)
"""Of the batch that is timed, and that tables are made for."""

Widths = tuple[int, ...]


def mobilenet_v1(widths: Sequence[int], classes: int = 10) -> nn.Sequential:
    """`lwsurvey.models.small.mobilenet_v1` with a width for each of `LAYERS`.

    Raises:
        ValueError: another number of widths.
    """
    if len(widths) != len(LAYERS):
        raise ValueError(f"{len(LAYERS)} widths are needed, not {len(widths)}")
    units = [
        DepthwiseSeparable(N, M, stride=1 if k % small.UNITS else 2, after=norm_relu)
        for k, (N, M) in enumerate(pairwise(widths))
    ]
    network = nn.Sequential()
    network.stem = nn.Sequential(same_convolution(1, widths[0], 3, stride=2), norm_relu(widths[0]))
    network.early = nn.Sequential(*units[: small.UNITS])
    network.late = nn.Sequential(*units[small.UNITS :])
    network.head = Head(widths[-1], classes)
    return network


def weightless(widths: Sequence[int]) -> nn.Sequential:
    """The same without memory, for costs."""
    with torch.device("meta"):
        return mobilenet_v1(widths)


def full(width: int) -> Widths:
    """Widths of `lwsurvey.models.small.mobilenet_v1`."""
    return (small.STEM, *[width] * small.UNITS, *[2 * width] * small.UNITS)


def ladder(widths: Sequence[int]) -> list[Widths]:
    """All networks whose layers keep one share of their filters, rounded, from the widest down."""
    most = max(widths) // MULTIPLE
    shares = [k / most for k in range(most, 0, -1)]
    return list(dict.fromkeys(tuple(_rounded(share * n) for n in widths) for share in shares))


def random(widths: Sequence[int], count: int, seed: int) -> list[Widths]:
    """Networks whose layers each have a random number of filters, up to all of them."""
    rng = np.random.default_rng(seed)
    most = np.array(widths) // MULTIPLE
    return [tuple(int(n) for n in MULTIPLE * rng.integers(1, most + 1)) for _ in range(count)]


def _rounded(filters: float) -> int:
    return max(MULTIPLE, MULTIPLE * round(filters / MULTIPLE))


def prune_to(network: nn.Module, widths: Sequence[int]) -> nn.Module:
    """A copy of the chapter's network with these widths; the filters of largest norm stay.

    One layer after the other, as NetAdapt does it, but without looking at any image.

    Args:
        network: `mobilenet_v1`, not changed.
        widths: of each of `LAYERS`.
    """
    for k, keep in enumerate(widths):
        group = groups(network, small.INPUT)[k]
        kept = choose_which_filters(network, group, keep)
        network = prune(network, group, kept)
    return network


class Macs:
    """MACs of a network for one image, for networks that differ in widths alone.

    `lwsurvey.cost.count` would give the same, and traces the network each time.

    Args:
        network: any of them.
    """

    def __init__(self, network: nn.Module) -> None:
        layers = cost.by_layer(network, small.INPUT)
        self.maps: Mapping[str, int] = dict(zip(layers.name, layers.H * layers.W, strict=True))

    def __call__(self, network: nn.Module) -> int:
        weights = {name: network.get_submodule(name).weight for name in self.maps}
        return sum(weights[name].numel() * size for name, size in self.maps.items())


def call(network: nn.Module, device: str = "cpu") -> Callable[[], object]:
    """A forward pass of the chapter's batch, for `lwsurvey.latency.compare`."""
    return latency.call(network, SHAPE, device=device, channels_last=True)


def cloud(widths: Widths, table: lookup.Table, count: int, seed: int = 0) -> pd.DataFrame:
    """Counts and estimated latency of random networks.

    Returns:
        Columns ``widths``, ``MACs``, ``parameters``, ``latency`` (seconds).
    """
    macs = Macs(mobilenet_v1(widths))
    drawn = random(widths, count, seed)
    networks = [weightless(one) for one in drawn]
    return pd.DataFrame({
        "widths": drawn, "MACs": [macs(one) for one in networks],
        "parameters": [sum(p.numel() for p in one.parameters()) for one in networks],
        "latency": [table.estimate(one) for one in networks],
    })  # fmt: skip


def twins(frame: pd.DataFrame, within: float = 0.02) -> tuple[int, int]:
    """Two rows of nearly equal counts whose estimated latencies are furthest apart, slow one first.

    Args:
        frame: columns ``MACs``, ``parameters`` and ``latency``.
        within: by how much the two may differ in each of the counts, as a share.

    Raises:
        ValueError: no two rows are that near.
    """
    seconds = frame["latency"].to_numpy()
    near = _near(frame["MACs"], within) & _near(frame["parameters"], within)
    np.fill_diagonal(near, False)
    if not near.any():
        raise ValueError(f"no two of {len(frame)} networks have counts within {within:.0%}")
    apart = np.where(near, seconds[:, None] / seconds, 0)
    return tuple(int(place) for place in np.unravel_index(apart.argmax(), apart.shape))


def _near(counts: pd.Series, within: float) -> np.ndarray:
    logs = np.log(counts.to_numpy(dtype=float))
    return np.abs(logs[:, None] - logs) <= within


def twin_ratio(
    frame: pd.DataFrame, pair: Sequence[int], budget: float, device: str = "cpu"
) -> Estimate:
    """The measured latency of the first of two networks over the second's.

    Args:
        frame: of `cloud`.
        pair: rows.
        budget: seconds.
        device: where.
    """
    named = dict(zip(("slow", "quick"), frame["widths"].iloc[list(pair)], strict=True))
    calls = {name: call(mobilenet_v1(widths), device) for name, widths in named.items()}
    return latency.compare(calls, device=device, budget=budget).ratio("slow", "quick")
