"""Whole networks timed in turns: those of a run, the finals, and their uniform rivals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from torch import nn

from lwsurvey import latency
from lwsurvey.chapters.netadapt import shapes
from lwsurvey.chapters.netadapt.study import ADAPTED, SEED, Searched
from lwsurvey.latency import Comparison, lookup
from lwsurvey.stats import Estimate, mean_interval

SHAPE = (32, 1, 28, 28)
"""Of the batch that is timed, and that tables are made for."""

NEAR = 1.15
"""Rungs of the uniform ladder are timed up to this factor away from an adapted network."""

Widths = tuple[int, ...]


def call(network: nn.Module, device: str = "cpu"):
    """A forward pass of the chapter's batch, for `lwsurvey.latency.compare`."""
    return latency.call(network, SHAPE, device=device, channels_last=True)


def along(rows: pd.DataFrame, budget: float, device: str = "cpu") -> Comparison:
    """Time the networks of a run's steps.

    Args:
        rows: filters, one row a step, one column a layer.
        budget: seconds.
        device: where.
    """
    made = {
        str(step): call(shapes.mobilenet_v1(widths), device)
        for step, widths in enumerate(rows.itertuples(index=False))
    }
    return latency.compare(made, device=device, budget=budget)


def race(
    found: Sequence[Searched], widths: Widths, table: lookup.Table, budget: float
) -> Comparison:  # fmt: skip
    """Time all adapted networks, the seed network, and the uniform rungs near them.

    Args:
        found: of all seeds.
        widths: of the seed network.
        table: to see which rungs are near.
        budget: seconds.
    """
    finals = {
        final(name, one.seed): each.network
        for one in found for name, each in one.adapted().items()
    }  # fmt: skip
    times = [table.estimate(network) for network in finals.values()]
    rungs = [one for one in shapes.ladder(widths)[1:] if _near(table, one, times)]
    finals |= {rung(one): shapes.mobilenet_v1(one) for one in rungs}
    nets, device = {SEED: shapes.mobilenet_v1(widths)} | finals, table.how.device
    calls = {name: call(network, device) for name, network in nets.items()}
    return latency.compare(calls, device=device, budget=budget)


def _near(table: lookup.Table, widths: Widths, times: Sequence[float]) -> bool:
    seconds = table.estimate(shapes.weightless(widths))
    return min(times) / NEAR <= seconds <= max(times) * NEAR


def final(name: str, seed: int) -> str:
    """What an adapted network is called in a race."""
    return f"{name}, seed {seed}"


def rung(widths: Widths) -> str:
    """What a uniform network is called in a race."""
    return f"uniform {widths}"


def rivals(raced: Comparison, found: Sequence[Searched], widths: Widths) -> list[Widths]:
    """For each seed the uniform network whose measured latency is nearest to NetAdapt's.

    Raises:
        ValueError: no uniform network was near enough to be timed.
    """
    took = raced.times.median()
    rungs = [one for one in shapes.ladder(widths) if rung(one) in took]
    if not rungs:
        raise ValueError("no uniform network takes about as long as an adapted one")
    aims = [took[final(ADAPTED, one.seed)] for one in found]
    return [min(rungs, key=lambda w: abs(np.log(took[rung(w)] / aim))) for aim in aims]


def ratios(
    raced: Comparison, found: Sequence[Searched], other: Sequence[str] | str, name: str = ADAPTED
) -> Estimate:
    """Mean over the seeds of a measured latency over another's, paired by seed.

    Args:
        raced: as `race` gives it.
        found: of all seeds.
        other: names in the race, one a seed or the same for all.
        name: of the way of adapting.
    """
    others = [other] * len(found) if isinstance(other, str) else other
    pairs = [(final(name, one.seed), each) for one, each in zip(found, others, strict=True)]
    return mean_interval([raced.ratio(*pair).value for pair in pairs])


def met(raced: Comparison, found: Sequence[Searched], table: lookup.Table) -> Estimate:
    """Measured latency of the adapted networks over their budgets, both over the seed network's."""
    shares = []
    for one in found:
        budget = table.estimate(one.by_macs.network) / table.estimate(one.pretrained)
        shares.append(raced.ratio(final(ADAPTED, one.seed), SEED).value / budget)
    return mean_interval(shares)
