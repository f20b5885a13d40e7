"""What training shows; units, networks and shuffles for `lwsurvey.latency.compare`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lwsurvey import latency, train
from lwsurvey.chapters.shufflenet_v1.networks import GROUPS, RANDOM
from lwsurvey.chapters.shufflenet_v1.tables import IMAGE
from lwsurvey.chapters.shufflenet_v1.wiring import shuffle_order
from lwsurvey.latency import Comparison
from lwsurvey.models import shufflenet_v1 as v1
from lwsurvey.models import shufflenet_v2 as v2
from lwsurvey.models.blocks import channel_shuffle
from lwsurvey.models.editing import fold_norms
from lwsurvey.stats import Estimate

Call = Callable[[], object]

UNITS = {"V1 unit": (1, 360, 28, 28), "V2 unit": (1, 232, 14, 14)}
"""Shapes that enter the units: stage 2 of ShuffleNet V1 1.5x with 3 groups, and stage 3 of
ShuffleNet V2 1x."""

NETWORKS = ("V1 network", "V2 network")


def effects(frame: pd.DataFrame) -> dict[str, Estimate]:
    """The paired differences that the claims ask for, in points, by what is compared."""
    on = f"{RANDOM} on"
    pairs = {f"shuffle on or off, g = {g}": (f"{g} on", f"{g} off") for g in GROUPS[1:]}
    pairs |= {
        f"g = {RANDOM} or 1, shuffled": (on, "1 on"),
        f"random order or shuffle, g = {RANDOM}": (f"{RANDOM} random", on),
        "ShuffleNet, g = 3, or MobileNetV2": ("3 on", "MobileNetV2"),
    }
    return {name: train.difference(frame, *pair) for name, pair in pairs.items()}


def build(name: str, shuffle: bool) -> nn.Module:
    """One of `UNITS` or `NETWORKS`, with or without its shuffles; 1x, V1 with 3 groups.

    Raises:
        ValueError: unknown name.
    """
    makers: Mapping[str, Callable[[], nn.Module]] = {
        "V1 unit": lambda: v1.Unit(360, 360, 3, shuffle=shuffle),
        "V2 unit": lambda: v2.Unit(232, 232, shuffle=shuffle),
        "V1 network": lambda: v1.ShuffleNetV1(3, shuffle=shuffle),
        "V2 network": lambda: v2.ShuffleNetV2(1.0, shuffle=shuffle),
    }
    if name not in makers:
        raise ValueError(f"no {name!r}; there are {', '.join(makers)}")
    return makers[name]()


def on_and_off(names: tuple[str, ...], *, fold: bool, device: str) -> dict[str, Call]:
    """Competitors "NAME on" and "NAME off" for each name.

    Args:
        names: of `UNITS` or `NETWORKS`.
        fold: fold the normalisation into the convolutions, as a deployed network has it.
        device: where they run.
    """
    calls = {}
    for name in names:
        for state in ("on", "off"):
            module = build(name, shuffle=state == "on").eval()
            module = fold_norms(module) if fold else module
            shape = UNITS.get(name, IMAGE)
            calls[f"{name} {state}"] = latency.call(module, shape, device=device)
    return calls


def share(comparison: Comparison, name: str) -> Estimate:
    """Share of the time that the shuffle takes, in %: 1 minus the ratio off / on of each round."""
    on, off = f"{name} on", f"{name} off"
    return comparison.estimate(lambda times: 100 * (1 - times[off] / times[on]))


def position(share: Estimate, limit: float) -> str:
    """Where an interval lies: "below", "above" or "on both sides of" a limit."""
    if share.high < limit:
        return "below"
    return "above" if share.low > limit else "on both sides of"


def ways(shape: tuple[int, ...], groups: int, device: str) -> dict[str, Call]:
    """Ways to shuffle a map, the first of which only describes the new order and moves nothing.

    Args:
        shape: of the map.
        groups: of the shuffle.
        device: where they run.
    """
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
    order = torch.tensor(shuffle_order(shape[1], groups), device=device)
    batch, channels, *size = shape
    grouped = (batch, groups, channels // groups, *size)
    made: dict[str, Callable[[Tensor], Tensor]] = {
        "view only": lambda x: x.view(grouped).transpose(1, 2),
        "view and copy (ours)": lambda x: channel_shuffle(x, groups),
        "PyTorch's channel_shuffle": lambda x: F.channel_shuffle(x, groups),
        "gather by index": lambda x: x.index_select(1, order),
        "plain copy": lambda x: x.clone(),
    }
    for name, way in list(made.items())[1:4]:
        assert torch.equal(way(x), channel_shuffle(x, groups)), name
    return {name: _without_gradients(way, x) for name, way in made.items()}


def _without_gradients(way: Callable[[Tensor], Tensor], x: Tensor) -> Call:
    def run() -> Tensor:
        with torch.inference_mode():
            return way(x)

    return run
