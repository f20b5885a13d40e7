"""Something to time whose work is known: multiply-accumulates and bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from torch import nn

from lwsurvey import cost, latency
from lwsurvey.latency import Comparison
from lwsurvey.latency.roofline.estimates import positive

GIGA = 1e9


@dataclass(frozen=True)
class Job:
    """A call and what it does.

    Attributes:
        call: without arguments; what is timed.
        macs: multiply-accumulates of one call.
        bytes: that its operators read and write, each operand once, of float32.
    """

    call: Callable[[], object]
    macs: int
    bytes: int

    @property
    def intensity(self) -> float:
        """Arithmetic intensity in MACs per byte (Williams et al. 2009, in operations)."""
        return self.macs / self.bytes


def job(
    module: nn.Module, shape: tuple[int, ...], *, device: str = "cpu", channels_last: bool = False
) -> Job:
    """A forward pass of a module in evaluation mode.

    Args:
        module: with values, not on ``meta``.
        shape: of its input, such as ``(1, 3, 224, 224)``.
        device: where it runs.
        channels_last: lay maps and weights out with the channels innermost.

    Raises:
        CostError: the module cannot be counted on this input.
    """
    counted = cost.profile(module, shape)
    call = latency.call(module, shape, device=device, channels_last=channels_last)
    return Job(call, counted.macs, counted.bytes())


def settle(module: nn.Module, shape: tuple[int, ...], seed: int = 0) -> nn.Module:
    """Give batch normalisations the statistics of random images; returns the module.

    Fresh ones leave the activations of a deep network to shrink from layer to layer, down to
    denormal numbers, which a processor handles many times more slowly than others.

    Args:
        module: changed in place, and left in evaluation mode.
        shape: of one batch of images.
        seed: of the images.
    """
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    # Two images, because a map of one pixel of one image has no variance.
    images = torch.randn(2, *shape[1:], generator=torch.Generator().manual_seed(seed))
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        module.train()(images)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    return module.eval()


def compare(jobs: Mapping[str, Job], **options: object) -> Comparison:
    """`lwsurvey.latency.compare` of jobs; the options are its own."""
    return latency.compare({name: work.call for name, work in jobs.items()}, **options)


def rates(jobs: Mapping[str, Job], comparison: Comparison) -> pd.DataFrame:
    """Work, time and speed of each job.

    Returns:
        Indexed by name: ``macs``, ``bytes``, ``intensity`` (MACs per byte), ``seconds`` a
        call with ``low`` and ``high`` of its 95 % interval, ``rate`` in GMAC/s with
        ``rate_low`` and ``rate_high``, and ``bandwidth`` in GB/s.
    """
    rows = {}
    for name, work in jobs.items():
        time = positive(comparison, lambda times, name=name: times[name])
        rows[name] = {
            "macs": work.macs, "bytes": work.bytes, "intensity": work.intensity,
            "seconds": time.value, "low": time.low, "high": time.high,
            "rate": work.macs / time.value / GIGA, "rate_low": work.macs / time.high / GIGA,
            "rate_high": work.macs / time.low / GIGA,
            "bandwidth": work.bytes / time.value / GIGA,
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("job")


def median_ratio(times: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> pd.Series:
    """The median over pairs of the first one's time over the second one's, round by round."""
    return pd.concat([times[a] / times[b] for a, b in pairs], axis=1).median(axis=1)
