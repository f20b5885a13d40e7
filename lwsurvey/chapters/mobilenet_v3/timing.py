"""Competitors for `lwsurvey.latency.compare`: nonlinearities, and networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models as library

from lwsurvey import latency
from lwsurvey.chapters.mobilenet_v3 import anatomy
from lwsurvey.chapters.mobilenet_v3.functions import hard_swish
from lwsurvey.models import zoo
from lwsurvey.models.editing import replace
from lwsurvey.models.mobilenet_v3 import MobileNetV3

Call = Callable[[], object]

ONE = (1, 240, 14, 14)
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


def shapes() -> list[tuple[int, ...]]:
    """Shapes of the maps that go through h-swish in V3-Large, in order, one image of 224."""
    layers = anatomy.rows(anatomy.LARGE)
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


def networks() -> dict[str, nn.Module]:
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


def calls(device: str, side: int = 224) -> dict[str, Call]:
    """The `networks` on one image, and the moved layer on one vector.

    Args:
        device: where they run.
        side: of the image, in pixels.
    """
    image = (1, 3, side, side)
    found = {name: latency.call(net, image, device=device) for name, net in networks().items()}
    moved = nn.Sequential(nn.Linear(960, 1280), nn.Hardswish())
    return found | {"moved layer": latency.call(moved, (1, 960), device=device)}


PAIRS = (
    ("V3-Large", "V2"), ("V3-Large", "V3-Large, ReLU"),
    ("V3-Large, ours", "V3-Large, original tail"), ("V3-Large, ours", "V3-Large, 32-filter stem"),
    ("moved layer", "V3-Large"), *((f"timm: {a}", f"timm: {b}") for a, b in RIVALS),
)  # fmt: skip
"""Ratios that matter."""
