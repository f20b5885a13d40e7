"""The races: variants timed against each other, cell by cell of the paper's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lwsurvey import latency
from lwsurvey.chapters.shufflenet_v2 import tables
from lwsurvey.chapters.shufflenet_v2.networks import Variant
from lwsurvey.latency.roofline.estimates import positive
from lwsurvey.stats import Estimate


class Race(NamedTuple):
    """Variants by name, which are all compared with the first, and their times."""

    variants: Mapping[str, Variant]
    times: latency.Comparison

    def speeds(self) -> dict[str, Estimate]:
        """Speed of each variant but the first, over that of the first."""
        first, *others = self.variants
        return {name: self.times.ratio(first, name) for name in others}


def race(
    variants: Mapping[str, Variant], *, device: str = "cpu", channels_last: bool = False,
    **options: object,
) -> Race:  # fmt: skip
    """Time variants in turns.

    Args:
        variants: by name.
        device: where they run; see `lwsurvey.latency.compare`, also for ``options``.
        channels_last: memory layout of weights and feature maps.
    """
    how = dict(device=device, channels_last=channels_last)
    calls = {name: latency.call(one.make(), one.shape, **how) for name, one in variants.items()}
    return Race(variants, latency.compare(calls, device=device, **options))


def slowdowns(
    pairs: Mapping[str, tuple[Variant, Variant]], **options: object
) -> dict[str, Estimate]:
    """Time of the first variant of each pair over that of the second; options as of `race`."""
    found = {}
    for name, pair in pairs.items():
        run = race(dict(zip(("breaks", "keeps"), pair, strict=True)), **options)
        found[name] = positive(run.times, lambda t: t["breaks"] / t["keeps"])
    return found


def outcome(guideline: int, timed: Sequence[Race]) -> str:
    """How many times as long the strongest violations of a table take, in words."""
    pairs, found, slower = tables.VIOLATIONS[guideline].items(), [], 0
    for bad, good in pairs:
        ratios = ", ".join(run.times.ratio(bad, good).text() for run in timed)
        slower += sum(run.times.verdict(bad, good) == "slower" for run in timed)
        found.append(f"{bad} takes {ratios} times as long as {good}")
    disturbed = {text: None for run in timed for text in run.times.disturbances}
    noted = f" Disturbed: {'; '.join(disturbed)}." if disturbed else ""
    cells = len(timed) * len(pairs)
    return f"{'; '.join(found)}: slower in {slower} of {cells} cells.{noted}"
