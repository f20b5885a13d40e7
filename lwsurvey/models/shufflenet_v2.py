"""ShuffleNet V2 (Ma et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lwsurvey.models.blocks import Head, WidthError, channel_shuffle, norm_relu, same_convolution

WIDTHS = {
    0.5: (24, 48, 96, 192, 1024),
    1.0: (24, 116, 232, 464, 1024),
    1.5: (24, 176, 352, 704, 1024),
    2.0: (24, 244, 488, 976, 2048),
}
"""Output channels of conv1, stages 2 to 4 and conv5 by scale (table 5)."""

UNITS = (4, 8, 4)
"""Units of stages 2, 3 and 4; the first of each has stride 2."""


class Unit(nn.Module):
    """The units of figure 3: (c) at stride 1, (d) at stride 2.

    At stride 1 half of the channels pass untouched and the other half go through 1 x 1, 3 x 3
    depthwise and 1 x 1; at stride 2 all channels go through that branch and through a second
    one, 3 x 3 depthwise and 1 x 1. Both halves are concatenated and shuffled in two groups.

    Args:
        N: input channels.
        M: output channels, even; ``N`` at stride 1.
        stride: 1 or 2.
        shuffle: False leaves the two halves where they are: at stride 1 one half then passes
            every unit untouched.

    Raises:
        ValueError: channels that cannot be halved, or a stride that does not fit.
    """

    def __init__(self, N: int, M: int, stride: int = 1, shuffle: bool = True) -> None:
        if stride not in (1, 2):
            raise ValueError(f"a unit has stride 1 or 2, not {stride}")
        if M % 2:
            raise WidthError(f"a unit joins two halves: M must be even, it is {M}")
        if stride == 1 and N != M:
            raise ValueError(f"at stride 1 a unit keeps its channels; {N} and {M} differ")
        super().__init__()
        half = M // 2
        self.stride, self.shuffle = stride, shuffle
        self.shortcut = nn.Sequential()
        if stride == 2:
            self.shortcut = nn.Sequential(*_depthwise_pointwise(N, half, stride))
        branch_in = half if stride == 1 else N
        self.branch = nn.Sequential(
            same_convolution(branch_in, half, 1), norm_relu(half),
            *_depthwise_pointwise(half, half, stride),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        kept, changed = x.chunk(2, dim=1) if self.stride == 1 else (x, x)
        joined = torch.cat([self.shortcut(kept), self.branch(changed)], 1)
        return channel_shuffle(joined, 2) if self.shuffle else joined


class ShuffleNetV2(nn.Sequential):
    """The network of table 5 of the paper, for images of shape ``(batch, 3, H, W)``.

    Args:
        scale: 0.5, 1, 1.5 or 2; the widths are the printed ones, not multiples.
        classes: outputs.
        shuffle: False leaves out the shuffle of every unit.

    Raises:
        ValueError: a scale that the table has not, or no class.
    """

    def __init__(self, scale: float = 1.0, classes: int = 1000, shuffle: bool = True) -> None:
        if scale not in WIDTHS:
            raise ValueError(f"table 5 has the scales {', '.join(map(str, WIDTHS))}, not {scale}")
        stem, *stages, last = WIDTHS[scale]
        super().__init__()
        self.stem = nn.Sequential(same_convolution(3, stem, 3, stride=2), norm_relu(stem))
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        N = stem
        for i, (units, M) in enumerate(zip(UNITS, stages, strict=True)):
            first = Unit(N, M, stride=2, shuffle=shuffle)
            rest = [Unit(M, M, shuffle=shuffle) for _ in range(units - 1)]
            self.add_module(f"stage{i + 2}", nn.Sequential(first, *rest))
            N = M
        self.conv5 = nn.Sequential(same_convolution(N, last, 1), norm_relu(last))
        self.head = Head(last, classes)


def _depthwise_pointwise(N: int, M: int, stride: int) -> list[nn.Module]:
    return [
        same_convolution(N, N, 3, stride, groups=N), nn.BatchNorm2d(N),
        same_convolution(N, M, 1), norm_relu(M),
    ]  # fmt: skip
