"""MobileNet V1 (Howard et al. 2017), and its twin of ordinary convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import nn

from lwsurvey.cost.closed_form import MOBILENET_V1, scaled
from lwsurvey.models.blocks import DepthwiseSeparable, Head, Layer, same_convolution

Block = Callable[[int, int, int, Layer], nn.Module]


class MobileNetV1(nn.Sequential):
    """The body of table 1 of the paper, for images of shape ``(batch, 3, H, W)``.

    The last depthwise layer, printed with stride 2, has stride 1: its output is 7 x 7, as its
    input. The paper's second multiplier needs no argument: give smaller images.

    Args:
        alpha: width multiplier; must leave whole channels, as 1, 0.75, 0.5 and 0.25 do.
        block: ``separable``, or ``standard`` for the twin of table 4, in which one 3 x 3
            convolution stands for each depthwise and pointwise pair.
        classes: outputs.
        activation: the paper writes ReLU; the authors' code, and timm, have ``nn.ReLU6``.

    Raises:
        ValueError: an unknown block, no class, or widths that are not whole.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        block: str = "separable",
        classes: int = 1000,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        if block not in BLOCKS:
            raise ValueError(f"block is one of {', '.join(BLOCKS)}, not {block!r}")

        def after(channels: int) -> nn.Module:
            return nn.Sequential(nn.BatchNorm2d(channels), activation())

        width = scaled(MOBILENET_V1[0][0], alpha)
        super().__init__()
        self.stem = nn.Sequential(same_convolution(3, width, 3, stride=2), after(width))
        self.blocks = nn.Sequential(*_body(alpha, BLOCKS[block], after))
        self.head = Head(scaled(MOBILENET_V1[-1][1], alpha), classes)


def _separable(N: int, M: int, stride: int, after: Layer) -> nn.Module:
    return DepthwiseSeparable(N, M, stride=stride, after=after)


def _standard(N: int, M: int, stride: int, after: Layer) -> nn.Module:
    return nn.Sequential(same_convolution(N, M, 3, stride), after(M))


def _body(alpha: float, make: Block, after: Layer) -> Iterator[nn.Module]:
    before = MOBILENET_V1[0][2]
    for N, M, side in MOBILENET_V1:
        yield make(scaled(N, alpha), scaled(M, alpha), before // side, after)
        before = side


BLOCKS: dict[str, Block] = {"separable": _separable, "standard": _standard}
