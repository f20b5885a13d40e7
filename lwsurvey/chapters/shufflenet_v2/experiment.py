"""What is run: times of variants, in the paper's layout; a unit's output; the best rival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch
import torchvision
from torch import Tensor, nn

from lwsurvey import latency
from lwsurvey.chapters.shufflenet_v2 import networks, tables
from lwsurvey.chapters.shufflenet_v2.networks import FACTORS, RIVALS, STRONGEST, Variants
from lwsurvey.stats import Estimate

PLATFORMS = {"cpu": "ARM", "cuda": "GPU"}
"""Whose columns of the tables a device is timed with."""


@dataclass(frozen=True)
class Column:
    """The variants of one column of a table, timed against each other."""

    variants: Variants
    times: latency.Comparison

    @property
    def reference(self) -> str:
        """The first variant, which all others are held against."""
        return next(iter(self.variants))

    def speed(self, variant: str) -> Estimate:
        """Speed of a variant over that of the first one."""
        return self.times.ratio(self.reference, variant)

    def speed_per_mac(self, variant: str) -> Estimate:
        """The same for MACs a second, which takes a drift of the MACs out."""
        speed, factor = self.speed(variant), 1 + self.drift(variant)
        names = ("value", "low", "high", "detectable")
        return replace(speed, **{name: factor * getattr(speed, name) for name in names})

    def drift(self, variant: str) -> float:
        """By how much the MACs of a variant differ from those of the first one, as a share."""
        return self.variants[variant].macs / self.variants[self.reference].macs - 1


def time_variants(
    variants: Variants, *, device: str = "cpu", channels_last: bool = False, **options: object
) -> Column:
    """Time variants against each other.

    Args:
        variants: by name; the first is the reference.
        device: see `lwsurvey.latency.compare`.
        channels_last: memory layout of weights and maps.
        options: further ones of `lwsurvey.latency.compare`, such as ``budget`` and ``threads``.
    """
    calls = {
        name: latency.call(one.make(), one.shape, device=device, channels_last=channels_last)
        for name, one in variants.items()
    }
    return Column(variants, latency.compare(calls, device=device, **options))


def time_table(
    guideline: int, count: int, *, device: str = "cpu", **options: object
) -> list[Column]:
    """The first ``count`` columns of a table, those of the platform that fits the device."""
    platform = platform_of(device)
    return [
        time_variants(networks.printed_column(guideline, platform, k), device=device, **options)
        for k in range(count)
    ]


def slowdowns(c: int = 128, **options: object) -> Mapping[str, Estimate]:
    """Time of each of the strongest violations over that of the variant that complies.

    Args:
        c: as `networks.strongest`.
        options: of `time_variants`.
    """
    timed = {g: time_variants(networks.strongest(g, c), **options).times for g in (1, 2, 3, 4)}
    return {name: timed[g].ratio(bad, good) for name, (g, bad, good) in STRONGEST.items()}


def platform_of(device: str) -> str:
    """``GPU`` for CUDA and what is like it, ``ARM`` for a processor."""
    return PLATFORMS.get(device.partition(":")[0], "GPU")


def table(guideline: int, timed: Sequence[Column], device: str = "cpu") -> pd.DataFrame:
    """The paper's table beside ours: widths, images a second, and how equal the MACs are."""
    platform = platform_of(device)
    printed = tables.speeds(guideline, platform)
    first = timed[0].variants
    found = pd.DataFrame({"widths": [one.widths for one in first.values()]}, first)
    for k, _ in enumerate(timed):
        found[f"paper ×{FACTORS[k]}"] = [f"{printed.loc[name, k]:g}" for name in first]
    for k, one in enumerate(timed):
        seconds = (one.times.time(name).value for name in one.variants)
        found[f"ours ×{FACTORS[k]}"] = [format_number(1 / s) for s in seconds]
    found["MACs"] = [_drift([one.drift(name) for one in timed]) for name in first]
    return found.rename_axis("variant")


def relative_table(timed: Mapping[str, Column], per_mac: bool = False) -> pd.DataFrame:
    """Relative speeds with intervals and, for each, what this hardware says.

    Args:
        timed: columns by the heading that each gets.
        per_mac: add the speed per MAC and the memory access, relative to the first variant.
    """
    parts = []
    for heading, one in timed.items():
        first, *others = one.variants
        for name in others:
            row = {"size": heading, "variant": name, "speed": one.speed(name).text()}
            if per_mac:
                row["speed per MAC"] = one.speed_per_mac(name).text()
                access = one.variants[name].access / one.variants[first].access
                row["memory access"] = f"{access:.2f}"
            parts.append(row | {"than the first row": one.times.verdict(name, first)})
    return pd.DataFrame(parts)


def outcome(guideline: int, timed: Sequence[Column]) -> str:
    """A sentence on the strongest violations of the paper: how much slower, here and there."""
    said, slower = [], 0
    for bad, good in tables.VIOLATIONS[guideline]:
        ratios = ", ".join(one.times.ratio(bad, good).text() for one in timed)
        slower += sum(one.times.verdict(bad, good) == "slower" for one in timed)
        theirs = [tables.slowdowns(guideline, p).loc[bad] for p in ("GPU", "ARM")]
        gpu, arm = (", ".join(f"{ratio:.2f}" for ratio in row) for row in theirs)
        said.append(
            f"{bad} takes {ratios} times as long as {good} (paper, all three sizes: GPU {gpu};"
            f" ARM {arm})"
        )
    total = len(timed) * len(tables.VIOLATIONS[guideline])
    found = f"{'; '.join(said)}. On this hardware it is slower in {slower} of {total} cells."
    disturbed = [
        f"×{FACTORS[k]}: {'; '.join(one.times.disturbances)}"
        for k, one in enumerate(timed) if one.times.disturbances
    ]  # fmt: skip
    return found + (f" Disturbed: {'. '.join(disturbed)}." if disturbed else "")


def format_number(number: float, digits: int = 3) -> str:
    """A number with so many significant digits and no exponent."""
    return f"{float(f'{number:.{digits}g}'):,g}" if number < 1e5 else f"{number:,.0f}"


def _drift(values: Sequence[float]) -> str:
    low, high = (f"{100 * value:+.1f} %" for value in (min(values), max(values)))
    if not any(values):
        return "equal"
    return low if low == high else f"{low} to {high}"


@torch.no_grad()
def unchanged(unit: nn.Module, x: Tensor) -> float:
    """Share of the input channels of a unit that its output has, bit for bit.

    Args:
        unit: in evaluation mode.
        x: random maps, shape ``(batch, c, H, W)``.
    """
    y = unit(x)
    same = (x[:, :, None] == y[:, None]).flatten(3).all(dim=3).all(dim=0)
    return same.any(dim=1).float().mean().item()


def library_unit() -> nn.Module:
    """The first splitting unit of torchvision's network with random weights of seed 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torchvision.models.shufflenet_v2_x1_0().eval().stage2[1]


def best_rival(results: pd.DataFrame) -> str:
    """The rival with the highest mean accuracy on the validation images."""
    means = results.groupby("variant")["validation"].mean()
    return str(means[list(RIVALS)].idxmax())
