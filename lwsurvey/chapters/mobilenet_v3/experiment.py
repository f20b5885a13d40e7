"""What is run: the training of all variants, their filters and 8-bit copies, and times."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models as library

from lwsurvey import latency, train
from lwsurvey.chapters.mobilenet_v3 import design, networks
from lwsurvey.chapters.mobilenet_v3.functions import hard_swish
from lwsurvey.chapters.mobilenet_v3.networks import HARD, PLAIN, SHORT, SOFT, SQUEEZED, V3, Make
from lwsurvey.data import Split
from lwsurvey.latency import Comparison
from lwsurvey.models import zoo
from lwsurvey.models.editing import replace
from lwsurvey.models.mobilenet_v3 import MobileNetV3
from lwsurvey.stats import Estimate
from lwsurvey.train import Fit
from lwsurvey.train.device import seeded

CALIBRATION = 200
"""Training images that set the ranges of the 8-bit grids."""

STEPS = {
    "squeeze-and-excitation": (SQUEEZED, PLAIN),
    "h-swish": (HARD, SQUEEZED),
    "short tail": (SHORT, HARD),
    "thin stem with h-swish": (V3, SHORT),
    "all four": (V3, PLAIN),
    "hard instead of soft": (V3, SOFT),
}
"""What is compared: with and without."""

Call = Callable[[], object]

ONE_MAP = (1, 240, 14, 14)
"""The map on which h-swish and swish are compared."""

TIMM = {
    "MnasNet-A1": "semnasnet_100", "V2 1.0": "mobilenetv2_100", "V2 0.35": "mobilenetv2_035",
    "V3-Large 1.0": "mobilenetv3_large_100", "V3-Small 1.0": "mobilenetv3_small_100",
}  # fmt: skip
"""Names of table 3 -> timm's networks."""

OWN = (
    "V3-Large", "V3-Large, ReLU", "V3-Large, original tail", "V3-Large, 32-filter stem",
    "V3-Large, ours", "V2",
)  # fmt: skip
"""The other networks that are timed."""

RIVALS = (("MnasNet-A1", "V3-Large 1.0"), ("V2 1.0", "V3-Large 1.0"), ("V2 0.35", "V3-Small 1.0"))
"""Who is to be slower than whom by table 3."""

PAIRS = (
    ("V3-Large", "V2"), ("V3-Large", "V3-Large, ReLU"),
    ("V3-Large, ours", "V3-Large, original tail"), ("V3-Large, ours", "V3-Large, 32-filter stem"),
    ("moved layer", "V3-Large"), *((f"timm: {a}", f"timm: {b}") for a, b in RIVALS),
)  # fmt: skip
"""Ratios that matter."""


def examine(fitted: Fit, split: Split) -> dict[str, float]:
    """What is found in a trained network, for `train.repeat`.

    Returns:
        ``lost``, the points that 8 bits cost V3 and V3 with soft functions; of the others, which
        have 32 filters in the stem, what `mirror_gains` gives.
    """
    net = fitted.net.cpu()
    if fitted.name in (V3, SOFT):
        eight_bits = networks.quantise(net, split.train.x[:CALIBRATION])
        return {"lost": fitted.test - train.accuracy(eight_bits, split.test)}
    return mirror_gains(networks.variants()[fitted.name], net, fitted.seed)


def effects(frame: pd.DataFrame) -> dict[str, Estimate]:
    """The paired differences of `STEPS`, in points."""
    return {name: train.difference(frame, *pair) for name, pair in STEPS.items()}


def outcome(effect: Estimate, margin: float) -> str:
    """What an interval says: a gain, a loss, equality within the margin, or nothing."""
    if max(abs(effect.low), abs(effect.high)) <= margin:
        return "equal"
    if effect.low > 0:
        return "a gain"
    return "a loss" if effect.high < 0 else "open"


# Are filters of a stem mirror images of each other?


def best_match(filters: Tensor, mirrored: bool) -> float:
    """Mean over the filters of the largest |correlation| with another one.

    Args:
        filters: weights, shape ``(M, N, K, K)`` with M >= 2.
        mirrored: compare with the others mirrored, left to right or upside down, whichever is
            nearer; otherwise with the others as they are.

    Raises:
        ValueError: fewer than two filters.
    """
    if len(filters) < 2:
        raise ValueError(
            f"a filter needs another one to be compared with; there are {len(filters)}"
        )
    others = [filters.flip(3), filters.flip(2)] if mirrored else [filters]
    found = torch.stack([_correlations(filters, other) for other in others]).amax(0)
    return float(found.fill_diagonal_(0).amax(1).mean())


def _correlations(a: Tensor, b: Tensor) -> Tensor:
    """|Pearson's correlation| of each filter of a with each of b, shape ``(M, M)``."""
    a, b = (x.double().flatten(1) for x in (a, b))
    a, b = (x - x.mean(1, keepdim=True) for x in (a, b))
    a, b = (x / x.norm(dim=1, keepdim=True).clamp(min=1e-12) for x in (a, b))
    return (a @ b.T).abs()


def mirror_gains(make: Make, net: nn.Module, seed: int) -> dict[str, float]:
    """What training does to the `best_match` of the stem's filters.

    Args:
        make: makes the network, as it was made for the training.
        net: trained, on the CPU.
        seed: of the training.

    Returns:
        ``mirrored``, trained minus untrained; as a control, ``alike``, the same with others
        that are not mirrored; and ``chance``, the mirrored match of the untrained filters.
    """
    with seeded(seed, torch.device("cpu")):
        untrained = make()
    after, before = (n.stem[0].weight.detach().contiguous() for n in (net, untrained))
    chance, by_place = best_match(before, True), best_match(before, False)
    return {
        "mirrored": best_match(after, True) - chance,
        "alike": best_match(after, False) - by_place,
        "chance": chance,
    }


# Times of nonlinearities and of networks.


def composed_swish(x: Tensor) -> Tensor:
    """``x * sigmoid(x)``, in two steps."""
    return x * torch.sigmoid(x)


FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "ReLU": F.relu,
    "h-swish, fused": F.hardswish,
    "h-swish, composed": hard_swish,
    "swish, fused": F.silu,
    "swish, composed": composed_swish,
}
"""The nonlinearities; fused is one operator of PyTorch, composed several in a row."""


def activation_shapes() -> list[tuple[int, ...]]:
    """Shapes of the maps that go through h-swish in V3-Large, in order, one image of 224."""
    layers = design.rows(design.LARGE)
    return [tuple(shape) for shape in layers.output[layers.kind == "Hardswish"]]


def nonlinearities(over: list[tuple[int, ...]], device: str) -> dict[str, Call]:
    """Each of `FUNCTIONS` on maps of all given shapes in turn."""
    generator = torch.Generator().manual_seed(0)
    maps = [3 * torch.randn(shape, generator=generator).to(device) for shape in over]
    return {name: _on_all(function, maps) for name, function in FUNCTIONS.items()}


def _on_all(function: Callable[[Tensor], Tensor], maps: list[Tensor]) -> Call:
    def run() -> None:
        with torch.inference_mode():
            for x in maps:
                function(x)

    return run


def timed_networks() -> dict[str, nn.Module]:
    """V3-Large as it is and with a change taken back, V2, and the networks of table 3 in timm."""
    large = library.mobilenet_v3_large()
    found = (
        large,
        replace(large, nn.Hardswish, lambda part: nn.ReLU(inplace=True)),
        MobileNetV3("large", tail="original"),
        MobileNetV3("large", stem=32),
        MobileNetV3("large"),
        library.mobilenet_v2(),
    )
    listed = {f"timm: {name}": zoo.load(f"timm:{n}", device="cpu") for name, n in TIMM.items()}
    return dict(zip(OWN, found, strict=True)) | listed


def network_calls(device: str, side: int = 224) -> dict[str, Call]:
    """The `timed_networks` on one image, and the moved layer on one vector.

    Args:
        device: where they run.
        side: of the image, in pixels.
    """
    image = (1, 3, side, side)
    found = {
        name: latency.call(net, image, device=device) for name, net in timed_networks().items()
    }
    moved = nn.Sequential(nn.Linear(960, 1280), nn.Hardswish())
    return found | {"moved layer": latency.call(moved, (1, 960), device=device)}


def ratios(comparison: Comparison) -> dict[str, Estimate]:
    """V3's time over another's, by name; `tables.published_ratios` has the paper's."""
    pairs = {
        "V3-Large / V2": ("V3-Large", "V2"),
        "V3-Large / MnasNet-A1": ("timm: V3-Large 1.0", "timm: MnasNet-A1"),
        "V3-Small / V2 0.35": ("timm: V3-Small 1.0", "timm: V2 0.35"),
        "h-swish / ReLU": ("V3-Large", "V3-Large, ReLU"),
        "short / original tail": ("V3-Large, ours", "V3-Large, original tail"),
        "16 / 32 stem filters": ("V3-Large, ours", "V3-Large, 32-filter stem"),
    }
    return {name: comparison.ratio(*pair) for name, pair in pairs.items()}


def saving(comparison: Comparison, before: str) -> Estimate:
    """Reduction of the latency of V3-Large against it with a change taken back, in per cent."""
    return comparison.estimate(lambda t: 100 * (1 - t["V3-Large, ours"] / t[before]))


def least_ratio(comparison: Comparison) -> Estimate:
    """The smallest of the ratios of `RIVALS`: above 1 if and only if all are.

    Both ends are the smallest of the three intervals' ends.
    """
    found = [comparison.ratio(f"timm: {a}", f"timm: {b}") for a, b in RIVALS]
    value, low, high = (min(getattr(r, end) for r in found) for end in ("value", "low", "high"))
    widest = max(ratio.detectable or 0.0 for ratio in found)
    return Estimate(value, low, high, found[0].n, widest, found[0].note)


def moved_share(comparison: Comparison) -> Estimate:
    """Time of the moved layer in per cent of V3-Large's."""
    return comparison.estimate(lambda t: 100 * t["moved layer"] / t["V3-Large"])
