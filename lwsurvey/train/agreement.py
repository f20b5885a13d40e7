"""Whether networks that were trained again agree with what was recorded of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy import stats

from lwsurvey.runs import Row, processor_of
from lwsurvey.train.device import TrainError

FAR = 4.0
"""Standard deviations of a normal law beyond which a row that is trained again is an alarm."""
CHANCE = 1e-3
"""Probability of a false alarm in a build; where many numbers are compared, `FAR` grows."""
FEWEST = 3
"""Other seeds that a standard deviation needs."""
PATH = "path_"
"""Begins the name of a number on the way that a search took. Another machine rounds otherwise and
may pick another way, whose numbers cannot be compared one by one; what the search reached can."""


def compare(
    pairs: Sequence[tuple[Row, Row]], known: Iterable[Row], machines: Mapping[str, dict]
) -> str:
    """Compare rows with what training them again gave.

    On the same machine and versions all numbers must be identical. Elsewhere a number must lie
    within the scatter of its variant: `FAR` standard deviations of the other seeds, by Student's
    law for their number, or more where so many are compared that chance would pass it; and the
    mean of all that were trained again must too. Numbers on the way of a search (`PATH`) are
    compared on the same machine only.

    Args:
        pairs: recorded row and new row.
        known: all recorded rows of the study.
        machines: of all rows, by name.

    Returns:
        ``identical``, or that the numbers are within the scatter.

    Raises:
        TrainError: an alarm; it names row, number, both values and both machines.
    """
    everyone, shifts, alarms = list(known), {}, []
    numbers = sum(len(old.numbers) for old, _ in pairs)
    limit = max(FAR, float(stats.norm.isf(CHANCE / 2 / max(numbers, 1))))
    for old, new in pairs:
        same = old.machine == new.machine
        for name, value in old.numbers.items():
            found = new.numbers.get(name, float("nan"))
            if found == value or (name.startswith(PATH) and not same):
                continue
            others = [r.numbers[name] for r in everyone if r.key != old.key and name in r.numbers
                      and (r.study, r.variant) == (old.study, old.variant)]  # fmt: skip
            far, shift = _far(found - value, others)
            shifts.setdefault(name, []).append(shift)
            if same or far > limit:
                alarms.append(_alarm(old, new, name, same, machines))
    for name, found in shifts.items():
        if abs(np.mean(found)) * np.sqrt(len(found)) > limit and len(found) > 1:
            alarms.append(f"all that were trained again differ in {name}, one way")
    if alarms:
        raise TrainError(
            f"recorded runs and this machine disagree: {'; '.join(alarms)}. Either a recorded "
            "number was changed, or the training was, in a way that its key does not see; "
            "lwsurvey train --check 10% trains more of them again"
        )
    return "within the scatter of their seeds" if shifts else "identical"


def _far(distance: float, others: Sequence[float]) -> tuple[float, float]:
    """How far two trainings of a seed are apart, in standard deviations of a normal law."""
    if len(others) < FEWEST:
        return 0.0, 0.0
    spread = float(np.std(others, ddof=1)) * np.sqrt(2)
    if not np.isfinite(distance) or spread == 0:
        return np.inf, 0.0
    shift = distance / spread
    tail = max(stats.t.sf(abs(shift), len(others) - 1), 1e-300)
    return float(stats.norm.isf(tail)), float(shift)


def _alarm(old: Row, new: Row, name: str, same: bool, machines: Mapping[str, dict]) -> str:
    there, here = (processor_of(row.machine, machines) for row in (old, new))
    why = "must be identical, the machine is the same" if same else "is beyond the scatter"
    return (
        f"{old.study}, {old.variant}, seed {old.seed}: {name} {old.numbers[name]!r} ({there}, "
        f"{old.date}), now {new.numbers.get(name)!r} ({here}); it {why}"
    )
