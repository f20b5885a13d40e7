"""The most unlike of many networks, chosen on some rounds and measured on others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from lwsurvey.latency import Comparison
from lwsurvey.latency.roofline.estimates import held_out
from lwsurvey.stats import Estimate


class Spread(NamedTuple):
    """Two competitors, and how much more the slow one takes."""

    slow: str
    quick: str
    ratio: Estimate


def per_mac(comparison: Comparison, macs: Mapping[str, int]) -> Spread:
    """Largest over smallest time per MAC.

    Args:
        comparison: of two networks or more.
        macs: of each of them.
    """
    work = pd.Series(macs)

    def pick(times: pd.DataFrame) -> tuple[str, str]:
        each = times[work.index].median() / work
        return each.idxmax(), each.idxmin()

    (slow, quick), rest = held_out(comparison, pick)
    factor = work[quick] / work[slow]
    return Spread(slow, quick, rest.estimate(lambda times: factor * times[slow] / times[quick]))


def of_equals(comparison: Comparison, macs: Mapping[str, int], within: float = 0.05) -> Spread:
    """Largest ratio of times of two networks whose MACs hardly differ.

    Args:
        comparison: of the networks.
        macs: of each of them.
        within: how much larger the larger number of MACs may be, as a share of the smaller.

    Raises:
        ValueError: no two networks are that close.
    """
    work = pd.Series(macs)
    ratio = work.to_numpy()[:, None] / work.to_numpy()
    close = np.maximum(ratio, 1 / ratio) < 1 + within
    np.fill_diagonal(close, False)
    if not close.any():
        raise ValueError(f"no two of {len(work)} networks have MACs within {within:.0%}")

    def pick(times: pd.DataFrame) -> tuple[str, str]:
        each = times[work.index].median().to_numpy()
        rows = np.where(close, each[:, None] / each, 0)
        slow, quick = np.unravel_index(rows.argmax(), rows.shape)
        return work.index[slow], work.index[quick]

    (slow, quick), rest = held_out(comparison, pick)
    return Spread(slow, quick, rest.ratio(slow, quick))
