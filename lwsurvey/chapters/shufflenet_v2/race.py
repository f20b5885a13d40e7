"""Times of the arms of a table, and the table itself in the paper's layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from lwsurvey import latency
from lwsurvey.chapters.shufflenet_v2 import paper
from lwsurvey.chapters.shufflenet_v2.arms import FACTORS, Arms, of_paper
from lwsurvey.stats import Estimate

PLATFORMS = {"cpu": "ARM", "cuda": "GPU"}
"""Whose columns of the tables a device is timed with."""


@dataclass(frozen=True)
class Column:
    """The arms of one column of a table, timed against each other."""

    arms: Arms
    times: latency.Comparison

    @property
    def reference(self) -> str:
        """The first arm, which all others are held against."""
        return next(iter(self.arms))

    def speed(self, arm: str) -> Estimate:
        """Speed of an arm over that of the first one."""
        return self.times.ratio(self.reference, arm)

    def speed_per_mac(self, arm: str) -> Estimate:
        """The same for MACs a second, which takes a drift of the MACs out."""
        return scaled(self.speed(arm), 1 + self.drift(arm))

    def drift(self, arm: str) -> float:
        """By how much the MACs of an arm differ from those of the first one, as a share."""
        return self.arms[arm].macs / self.arms[self.reference].macs - 1


def column(
    arms: Arms, *, device: str = "cpu", channels_last: bool = False, **options: object
) -> Column:
    """Time arms against each other.

    Args:
        arms: by name; the first is the reference.
        device: see `lwsurvey.latency.compare`.
        channels_last: memory layout of weights and maps.
        options: further ones of `lwsurvey.latency.compare`, such as ``budget`` and ``threads``.
    """
    calls = {
        name: latency.call(arm.make(), arm.shape, device=device, channels_last=channels_last)
        for name, arm in arms.items()
    }
    return Column(arms, latency.compare(calls, device=device, **options))


def columns(guideline: int, count: int, *, device: str = "cpu", **options: object) -> list[Column]:
    """The first ``count`` columns of a table, those of the platform that fits the device."""
    platform = platform_of(device)
    return [
        column(of_paper(guideline, platform, k), device=device, **options) for k in range(count)
    ]


def platform_of(device: str) -> str:
    """``GPU`` for CUDA and what is like it, ``ARM`` for a processor."""
    return PLATFORMS.get(device.partition(":")[0], "GPU")


def table(guideline: int, timed: Sequence[Column], device: str = "cpu") -> pd.DataFrame:
    """The paper's table beside ours: widths, images a second, and how equal the MACs are."""
    platform = platform_of(device)
    printed = paper.speeds(guideline, platform)
    first = timed[0]
    found = pd.DataFrame({"widths": [arm.widths for arm in first.arms.values()]}, first.arms)
    for k, _ in enumerate(timed):
        found[f"paper ×{FACTORS[k]}"] = [f"{printed.loc[arm, k]:g}" for arm in first.arms]
    for k, one in enumerate(timed):
        seconds = {arm: one.times.time(arm).value for arm in one.arms}
        found[f"ours ×{FACTORS[k]}"] = [rounded(1 / s) for s in seconds.values()]
    drifts = {arm: [one.drift(arm) for one in timed] for arm in first.arms}
    found["MACs"] = [_drift(values) for values in drifts.values()]
    return found.rename_axis("arm")


def relative_table(timed: Mapping[str, Column], per_mac: bool = False) -> pd.DataFrame:
    """Relative speeds with intervals and, for each, what this hardware says.

    Args:
        timed: columns by the heading that each gets.
        per_mac: add the speed per MAC and the memory access, relative to the first arm.
    """
    parts = []
    for heading, one in timed.items():
        for arm in list(one.arms)[1:]:
            row = {"size": heading, "arm": arm, "speed": text(one.speed(arm))}
            if per_mac:
                row["speed per MAC"] = text(one.speed_per_mac(arm))
                access = one.arms[arm].access / one.arms[one.reference].access
                row["memory access"] = f"{access:.2f}"
            parts.append(row | {"than the first row": one.times.verdict(arm, one.reference)})
    return pd.DataFrame(parts)


def outcome(guideline: int, timed: Sequence[Column]) -> str:
    """A sentence on the strongest violations of the paper: how much slower, here and there."""
    said, slower = [], 0
    for bad, good in paper.VIOLATIONS[guideline]:
        ratios = ", ".join(text(one.times.ratio(bad, good)) for one in timed)
        slower += sum(one.times.verdict(bad, good) == "slower" for one in timed)
        theirs = [paper.slowdowns(guideline, p).loc[bad] for p in ("GPU", "ARM")]
        gpu, arm = (", ".join(f"{ratio:.2f}" for ratio in row) for row in theirs)
        said.append(
            f"{bad} takes {ratios} times as long as {good} (paper, all three sizes: GPU {gpu};"
            f" ARM {arm})"
        )
    total = len(timed) * len(paper.VIOLATIONS[guideline])
    found = f"{'; '.join(said)}. On this hardware it is slower in {slower} of {total} cells."
    disturbed = [
        f"×{FACTORS[k]}: {'; '.join(one.times.disturbances)}"
        for k, one in enumerate(timed) if one.times.disturbances
    ]  # fmt: skip
    return found + (f" Disturbed: {'. '.join(disturbed)}." if disturbed else "")


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """An estimate in another unit."""
    detectable = None if estimate.detectable is None else estimate.detectable * factor
    ends = (x * factor for x in (estimate.value, estimate.low, estimate.high))
    value, low, high = ends
    return replace(estimate, value=value, low=low, high=high, detectable=detectable)


def text(estimate: Estimate, digits: int = 2) -> str:
    """An estimate with its interval, short."""
    value, low, high = (f"{x:.{digits}f}" for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def rounded(number: float, digits: int = 3) -> str:
    """A number with so many significant digits and no exponent."""
    return f"{float(f'{number:.{digits}g}'):,g}" if number < 1e5 else f"{number:,.0f}"


def _drift(values: Sequence[float]) -> str:
    low, high = (f"{100 * value:+.1f} %" for value in (min(values), max(values)))
    if not any(values):
        return "equal"
    return low if low == high else f"{low} to {high}"
