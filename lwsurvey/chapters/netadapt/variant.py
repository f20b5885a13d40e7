"""MobileNet V3's variant of NetAdapt, on networks with shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lwsurvey.chapters.netadapt import algorithm

KINDS = ("expansion", "bottleneck")
"""The two kinds of proposals that V3's authors allow."""

Pick = Callable[[Sequence[float], Sequence[float], float, float], int]


def proposals(network: nn.Module, x: Tensor) -> pd.DataFrame:
    """Halve every group of both kinds, one at a time, and try the network that is left.

    Args:
        network: with inverted residuals.
        x: images.

    Returns:
        One row a proposal: ``group``, ``kind``, ``layers`` (that make its channels), ``filters``,
        ``kept``, ``works`` (whether it gives outputs of the old shape).
    """
    with torch.no_grad():
        wanted = network.eval()(x).shape
    rows = []
    for group in algorithm.groups(network, x, KINDS):
        kept = algorithm.choose_which_filters(network, group, group.filters // 2)
        cut = algorithm.prune(network, group, kept)
        rows.append({
            "group": group.name, "kind": group.kind, "layers": len(group.producers),
            "filters": group.filters, "kept": len(kept), "works": _gives(cut, x, wanted),
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("group")


def _gives(network: nn.Module, x: Tensor, wanted: torch.Size) -> bool:
    try:
        with torch.no_grad():
            return network.eval()(x).shape == wanted
    except RuntimeError:  # what PyTorch raises where shapes do not fit
        return False


def disagreements(pick: Pick, sets: int, seed: int = 0) -> int:
    """Random sets of proposals in which a rule differs from the largest printed ratio.

    The ratio is ``dAcc / |dLatency|``, tried out on every proposal; the sets have 2 to 20
    proposals, some with equal accuracies.

    Args:
        pick: the rule.
        sets: how many.
        seed: of the sets.
    """
    rng, differ = np.random.default_rng(seed), 0
    for _ in range(sets):
        n = int(rng.integers(2, 21))
        accuracies = np.round(rng.uniform(60, 90, n), 1)
        latencies = rng.uniform(0.5, 0.99, n)
        accuracy = float(rng.uniform(70, 90))
        ratios = [(a - accuracy) / abs(t - 1.0) for a, t in zip(accuracies, latencies, strict=True)]
        best = pick(accuracies.tolist(), latencies.tolist(), accuracy, 1.0)
        differ += ratios[best] != max(ratios)
    return differ


def spread(log: pd.DataFrame) -> pd.Series:
    """Of each step: the largest saving of a proposal over the smallest."""
    met = log[log["met"]]
    saved = met["resource_before"] - met["resource"]
    by_step = saved.groupby(met["step"])
    return by_step.max() / by_step.min()


def both_picks(log: pd.DataFrame, start: float) -> pd.DataFrame:
    """What each of the two rules picks from the proposals of a run.

    Args:
        log: of the run.
        start: held-out accuracy before its first step, per cent.

    Returns:
        Index ``step``; ``by accuracy`` and ``by slope``, names of groups.
    """
    rows = {}
    for step, rows_of in log[log["met"]].groupby("step"):
        resources = rows_of["resource"].tolist()
        told = (rows_of["after"].tolist(), resources, start, rows_of["resource_before"].iloc[0])
        names = rows_of["layer"].tolist()
        rows[step] = {
            "by accuracy": names[algorithm.pick_accuracy(*told)],
            "by slope": names[algorithm.pick_slope(*told)],
        }
        start = rows_of.loc[rows_of["picked"], "after"].item()
    return pd.DataFrame(rows).T.rename_axis("step")


def other_operations(parent: nn.Module, child: nn.Module) -> int:
    """Layers of which two networks differ in more than widths: in kind, kernel, stride or place."""
    pairs = zip(_operations(parent), _operations(child), strict=True)
    return sum(one != other for one, other in pairs)


def _operations(network: nn.Module) -> list[tuple[object, ...]]:
    facts = ("kernel_size", "stride", "padding", "dilation")
    return [
        (name, type(module), *(getattr(module, fact, None) for fact in facts))
        for name, module in network.named_modules()
    ]
