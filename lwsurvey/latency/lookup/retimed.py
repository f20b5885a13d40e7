"""Entries of a table timed again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lwsurvey.latency.lookup.deal import deal
from lwsurvey.latency.lookup.measure import timed

if TYPE_CHECKING:
    from lwsurvey.latency.lookup.table import Table

# Medians of 15 calls on a quiet machine agree within some per cent; clocks follow temperature by
# as much. All entries together move less than one alone.
ONE, ALL, SHARE = 0.15, 0.05, 0.1


@dataclass(frozen=True)
class Check:
    """What timing entries again said.

    Attributes:
        frame: columns ``kind``, ``then`` and ``now`` (seconds) and ``ratio``, now over then.
        disturbances: what disturbed it, as sentences.
    """

    frame: pd.DataFrame
    disturbances: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """The median of now over then."""
        return float(self.frame["ratio"].median())

    @property
    def moved(self) -> int:
        """Entries that moved by more than 15 %."""
        return int((abs(np.log(self.frame["ratio"])) > np.log(1 + ONE)).sum())

    @property
    def ok(self) -> bool:
        """Whether the median moved by 5 % at most, and one entry in ten, at most, by 15 %."""
        steady = abs(np.log(self.ratio)) <= np.log(1 + ALL)
        return bool(steady and self.moved <= SHARE * len(self.frame))

    @property
    def said(self) -> str:
        """The result in a sentence."""
        verdict = "the table holds" if self.ok else "the table does not hold: build it again"
        told = f"; {'; '.join(self.disturbances)}" if self.disturbances else ""
        return (
            f"{len(self.frame)} entries timed again take {self.ratio:.3f} times what the table "
            f"says (median), {self.moved} moved by more than {ONE:.0%}: {verdict}{told}."
        )


def retimed(table: Table, count: int, seed: int) -> Check:
    """Time so many windows of a table anew.

    Args:
        table: what to check.
        count: windows.
        seed: of the neighbours.
    """
    rng = np.random.default_rng((table.made["seed"], table.how.deals, seed))
    windows = deal(table.order, table.axes, rng)[:count]
    part, known = timed(windows, table.how), table.observed()
    rows = [
        {"kind": e.layer.kind, "then": np.median(known[e.layer, e.widths]), "now": e.seconds}
        for e in part.entries
    ]
    frame = pd.DataFrame(rows)
    frame["ratio"] = frame["now"] / frame["then"]
    return Check(frame, tuple(sentence for _, sentence in part.disturbances))
