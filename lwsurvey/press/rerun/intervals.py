"""Where a rerun is to be expected, and how two measured times stand to each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lwsurvey.stats import Estimate

# A few units in the last place of a float32 near 1. A count that is printed in millions
# changes by twice as much when it is off by one, so that is never taken for rounding.
ROUNDING = 5e-7
# What binary fractions of 64 bits may lose in a chain of operations, relative to the value.
RELATIVE = 1e-12

# Of the logarithm of a ratio; a float holds no more, and nobody measures that.
WIDEST = 100


@dataclass(frozen=True)
class Ratio:
    """One measured quantity over another; the ends are None if they cannot be told."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        interval = "" if self.low is None else f" [{self.low:.3g}, {self.high:.3g}]"
        return f"×{self.value:.3g}{interval}"


def band(published: Estimate, mine: Estimate) -> tuple[float, float]:
    """Where the mean of a rerun is to be expected, given the published one.

    Each interval is a mean ± h at 95 %, so h is about 1.96 standard errors. Both means are
    estimates: if hardware, versions and the bits of the seeds change only chance, their
    difference has the mean 0 and, were the runs independent, a variance that is the sum of
    both. Then 95 % of all reruns fall within published ± sqrt(h_p² + h_y²), where the published
    interval alone would be left by up to one in six. But runs that share seeds, initial weights
    and the order of images are positively correlated, which makes the variance of the difference
    smaller: the band is conservative, and at most about one claim in twenty leaves it by chance.
    Few repeats widen it further, as their h holds Student's larger factor, and so do tables,
    whose cells have wider intervals from the start, so that the table as a whole keeps its 95 %.
    Of an interval that is not symmetric, the side that faces the other value counts.
    """
    down = math.hypot(published.value - published.low, mine.high - mine.value)
    up = math.hypot(published.high - published.value, mine.value - mine.low)
    return published.value - down, published.value + up


def inside(published: Estimate, mine: Estimate) -> bool:
    """Whether a rerun lies in the band, up to the rounding of binary fractions."""
    low, high = band(published, mine)
    slack = RELATIVE * max(abs(published.value), abs(mine.value))
    return low - slack <= mine.value <= high + slack


def distance(published: Estimate, mine: Estimate) -> float:
    """How far a rerun is from the published value: 1 is the edge of the band."""
    gap = mine.value - published.value
    low, high = band(published, mine)
    room = high - published.value if gap > 0 else published.value - low
    if not gap:
        return 0.0
    return abs(gap) / room if room else math.inf


def ratio(mine: float, published: float) -> Ratio | None:
    """Yours over the published, of two numbers without intervals.

    None unless both are above 0 and a float can hold the result.
    """
    if mine <= 0 or published <= 0:
        return None
    found = mine / published
    return Ratio(found) if 0 < found < math.inf else None


def estimates_ratio(mine: Estimate, published: Estimate) -> Ratio | None:
    """Yours over the published, with an interval made as the band is, of their logarithms.

    None as `ratio`; without ends if one of the intervals reaches 0, or if both have none.
    """
    found = ratio(mine.value, published.value)
    if not found or min(mine.low, published.low) <= 0:
        return found
    if mine.low == mine.high and published.low == published.high:
        return found
    down = math.hypot(math.log(mine.value / mine.low), math.log(published.high / published.value))
    up = math.hypot(math.log(mine.high / mine.value), math.log(published.value / published.low))
    if max(down, up) > WIDEST:
        return found
    return Ratio(found.value, found.value * math.exp(-down), found.value * math.exp(up))


def rounds_to(mine: float, published: float) -> bool:
    """Whether two exact results differ by no more than rounding can do.

    Whole numbers are counts, and a count is never rounded.
    """
    if mine == published:
        return True
    if float(mine).is_integer() and float(published).is_integer():
        return False
    gap = abs(mine - published)
    return gap <= max(ROUNDING, RELATIVE * max(abs(mine), abs(published)))
