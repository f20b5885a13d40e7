"""Estimates that a comparison does not give by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from lwsurvey.latency import Comparison
from lwsurvey.latency.disturbances import WIDENING
from lwsurvey.stats import Estimate


def held_out(comparison: Comparison, pick: Callable[[pd.DataFrame], object]) -> tuple:
    """Choose on every other round; what is chosen is to be measured on the rounds between.

    The largest of many noisy numbers is too large. Rounds that had no say in the choice do
    not know that it is the largest.

    Args:
        comparison: of four rounds or more.
        pick: gets the times of the even rounds, rounds by competitors.

    Returns:
        What ``pick`` returned, and the comparison of the odd rounds.

    Raises:
        ValueError: fewer than four rounds.
    """
    if len(comparison.times) < 4:
        raise ValueError("a choice and a measurement need four rounds or more")
    own = None if comparison.own is None else _odd(comparison.own)
    rest = replace(comparison, times=_odd(comparison.times), own=own)
    return pick(comparison.times.iloc[::2]), rest


def _odd(rounds: pd.DataFrame) -> pd.DataFrame:
    return rounds.iloc[1::2].reset_index(drop=True)


def positive(comparison: Comparison, f: Callable[[pd.DataFrame], pd.Series]) -> Estimate:
    """`Comparison.estimate` of a positive number, whose interval stays positive.

    The interval is formed, and widened where the run was disturbed, on the logarithmic scale,
    on which a rate is as uncertain as the time that it comes from.

    Args:
        comparison: what was timed.
        f: from the times to a series of one positive number a round.
    """
    log = comparison.estimate(lambda times: np.log(f(times)))
    value, low, high = (math.exp(x) for x in (log.value, log.low, log.high))
    detectable = None if log.detectable is None else value * math.expm1(log.detectable)
    note = _note(comparison, log)
    return Estimate(value, low, high, log.n, detectable, note, unjudged=log.unjudged)


def _note(comparison: Comparison, log: Estimate) -> str:
    """The note of an estimate of a logarithm without its figures, which are logarithms."""
    said = [found.sentence for found in comparison.found if log.note]
    apart = "the halves of the run" in log.note
    said += ["the halves of the run differ by more than chance"] * apart
    wider = apart or any(found.kind in WIDENING for found in comparison.found)
    return "; ".join(said + ["the interval is wider for that"] * wider)


def quotient(above: Estimate, below: Estimate) -> Estimate:
    """Ratio of two positive estimates of independent comparisons.

    Their relative half-widths add as squares on the logarithmic scale (the delta method).

    Raises:
        ValueError: an interval that reaches zero; those of `positive` do not.
    """
    if above.low <= 0 or below.low <= 0:
        raise ValueError(f"a ratio needs positive intervals, these are {above} and {below}")
    value = above.value / below.value
    up = math.hypot(math.log(above.high / above.value), math.log(below.value / below.low))
    down = math.hypot(math.log(above.value / above.low), math.log(below.high / below.value))
    notes = "; ".join(dict.fromkeys(filter(None, (above.note, below.note))))
    unjudged = " ".join(dict.fromkeys(filter(None, (above.unjudged, below.unjudged))))
    low, high = value * math.exp(-down), value * math.exp(up)
    detectable = (high - low) / 2 * POWER_FACTOR
    n = min(above.n, below.n)
    return Estimate(value, low, high, n, detectable, notes, unjudged=unjudged)


# (1.96 + 0.84) / 1.96: a shift that a 95 % interval leaves out with 80 % probability.
POWER_FACTOR = 1.43
