"""Competitors for `lwsurvey.latency.compare`: MobileNet V1 with its multipliers, and its twin."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from lwsurvey import cost, latency
from lwsurvey.latency import Comparison
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.stats import Estimate

PLAIN, THIN, SMALL, FULL = "MobileNet V1", "α = 0.5", "ρ = 4/7", "full twin"


def networks(side: int) -> dict[str, tuple[nn.Module, int]]:
    """Each network with the side of its image.

    Args:
        side: of the whole image; a multiple of 7, of which `SMALL` sees four sevenths.
    """
    plain = MobileNetV1()
    return {
        PLAIN: (plain, side),
        THIN: (MobileNetV1(0.5), side),
        SMALL: (plain, side * 4 // 7),
        FULL: (MobileNetV1(block="standard"), side),
    }


def calls(side: int, device: str) -> dict[str, Callable[[], object]]:
    """What `lwsurvey.latency.compare` times: one image each."""
    return {
        name: latency.call(net, (1, 3, rows, rows), device=device)
        for name, (net, rows) in networks(side).items()
    }


def work(side: int) -> dict[str, float]:
    """MACs of each network over those of `PLAIN`, which is left out."""
    macs = {n: cost.count(net, (1, 3, s, s)).macs for n, (net, s) in networks(side).items()}
    return {name: macs[name] / macs[PLAIN] for name in macs if name != PLAIN}


def ratios(run: Comparison) -> dict[str, Estimate]:
    """Times over that of `PLAIN`."""
    return {name: run.ratio(name, PLAIN) for name in (THIN, SMALL, FULL)}


def said(ratio: Estimate) -> str:
    """A ratio with its interval, as text."""
    return ratio.text()
