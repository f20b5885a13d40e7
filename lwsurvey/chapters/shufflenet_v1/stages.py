"""Who hears of whom through whole stages of ShuffleNet V1, shortcuts and joins included."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lwsurvey.chapters.shufflenet_v1.graph import grouped, permuted
from lwsurvey.chapters.shufflenet_v1.permutation import shuffle_order
from lwsurvey.models.shufflenet_v1 import STAGE_2

REST = ((1, 3), (2, 8), (4, 4))
"""What follows the unit that opens stage 2: the width relative to stage 2, and the units."""


def unit_edges(N: int, M: int, groups: int, stride: int, shuffle: bool) -> np.ndarray:
    """Edges of a unit between channels, Booleans of shape ``(M, N)``."""
    B, out = M // 4, M - N if stride == 2 else M
    first = grouped(N, B, groups)
    first = permuted(shuffle_order(B, groups)) @ first if shuffle else first
    branch, kept = (grouped(B, out, groups) @ first).toarray(), np.eye(N, dtype=bool)
    return np.vstack([kept, branch]) if stride == 2 else kept | branch


def stage_shares(groups: int, shuffle: bool) -> list[float]:
    """Mean share of the channels behind the opening unit that a channel hears of.

    That unit's first convolution has one group, so everything is mixed before it.

    Args:
        groups: 1, 2, 3, 4 or 8.
        shuffle: with or without.

    Returns:
        the share at the ends of stages 2, 3 and 4 of ShuffleNet V1 at scale 1.
    """
    N = start = STAGE_2[groups]
    heard, shares = np.eye(N, dtype=bool), []
    for width, units in REST:
        M = start * width
        if M > N:
            heard = _through(unit_edges(N, M, groups, 2, shuffle), heard, 1)
        heard = _through(unit_edges(M, M, groups, 1, shuffle), heard, units - (M > N))
        N = M
        shares.append(float(heard.mean()))
    return shares


def _through(edges: np.ndarray, heard: np.ndarray, units: int) -> np.ndarray:
    """What is heard of behind several equal units; stops when another one adds nothing."""
    # Products of floating-point matrices are far quicker than those of Booleans.
    weights = edges.astype(np.float32)
    for _ in range(units):
        wider = weights @ heard.astype(np.float32) > 0
        if wider.shape == heard.shape and (wider == heard).all():
            return heard
        heard = wider
    return heard


def stage_table() -> pd.DataFrame:
    """`stage_shares` without and with the shuffle, in per cent, a row for each number of groups."""
    rows = []
    for g in STAGE_2:
        off, on = (stage_shares(g, shuffle) for shuffle in (False, True))
        cells = {f"end of stage {i}, off": 100 * s for i, s in enumerate(off, start=2)}
        rows.append({"g": g} | cells | {"every stage, on": 100 * min(on)})
    return pd.DataFrame(rows).set_index("g")
