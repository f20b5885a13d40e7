"""ShuffleNet V1 (Zhang et al. 2018); neither torchvision nor timm has it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lwsurvey.cost.closed_form import scaled
from lwsurvey.models.blocks import ChannelShuffle, Head, WidthError, norm_relu, same_convolution

STAGE_2 = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
"""Output channels of stage 2 at scale 1 by groups (table 1); stages 3 and 4 have twice and
four times as many."""

UNITS = (4, 8, 4)
"""Units of stages 2, 3 and 4; the first of each has stride 2."""


class Unit(nn.Module):
    """The unit of figure 2: 1 x 1 in groups, shuffle, 3 x 3 depthwise, 1 x 1 in groups.

    At stride 1 the input is added, at stride 2 its 3 x 3 average pool stands in front of the
    branch, which therefore has only ``M - N`` channels. The middle has ``M / 4``.

    Args:
        N: input channels.
        M: output channels; ``N`` at stride 1.
        groups: of both 1 x 1 convolutions and of the shuffle.
        stride: 1 or 2.
        first_groups: of the first 1 x 1 convolution where that differs: the unit that opens
            stage 2 has 1 there, because its input is so narrow (table 1, note).
        shuffle: False leaves the channels where they are, as in the paper's table 3.

    Raises:
        ValueError: channels that the groups do not divide, or a stride that does not fit.
    """

    def __init__(
        self,
        N: int,
        M: int,
        groups: int,
        stride: int = 1,
        first_groups: int | None = None,
        shuffle: bool = True,
    ) -> None:
        first_groups = first_groups or groups
        _check(N, M, groups, stride, first_groups)
        super().__init__()
        B, out = M // 4, M - N if stride == 2 else M
        self.branch = nn.Sequential(
            same_convolution(N, B, 1, groups=first_groups), norm_relu(B),
            ChannelShuffle(groups) if shuffle else nn.Identity(),
            same_convolution(B, B, 3, stride, groups=B), nn.BatchNorm2d(B),
            same_convolution(B, out, 1, groups=groups), nn.BatchNorm2d(out),
        )  # fmt: skip
        self.shortcut = nn.AvgPool2d(3, 2, padding=1) if stride == 2 else nn.Identity()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        kept, made = self.shortcut(x), self.branch(x)
        joined = torch.cat([kept, made], dim=1) if self.stride == 2 else kept + made
        return joined.relu()


class ShuffleNetV1(nn.Sequential):
    """The network of table 1 of the paper, for images of shape ``(batch, 3, H, W)``.

    The row "Complexity" of the table leaves the classifier out: with it the five networks
    need 143.1, 140.8, 137.5, 134.3 and 138.4 million MACs at 224 x 224.

    Args:
        groups: 1, 2, 3, 4 or 8.
        scale: of all widths ("ShuffleNet s x"), such as 0.5, 1, 1.5 or 2; it must leave
            channels that the groups divide.
        classes: outputs.
        stem: channels of the first convolution; 24 times ``scale`` if not given, but 24 at
            scale 1.5. There the published 292 million MACs and the authors' code
            (github megvii-model/ShuffleNet-Series) have 24; with 36 it would be 300 million.
        shuffle: False leaves the channels where they are, as in the paper's table 3.

    Raises:
        ValueError: groups that the table has not, no class, or widths that do not divide.
    """

    def __init__(
        self,
        groups: int = 3,
        scale: float = 1.0,
        classes: int = 1000,
        stem: int | None = None,
        shuffle: bool = True,
    ) -> None:
        if groups not in STAGE_2:
            raise ValueError(f"table 1 has {', '.join(map(str, STAGE_2))} groups, not {groups}")
        if stem is None:
            stem = 24 if scale == 1.5 else scaled(24, scale)
        super().__init__()
        self.stem = nn.Sequential(same_convolution(3, stem, 3, stride=2), norm_relu(stem))
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        N = stem
        for i, units in enumerate(UNITS):
            M = scaled(STAGE_2[groups] * 2**i, scale)
            opening = groups if i else 1
            first = Unit(N, M, groups, stride=2, first_groups=opening, shuffle=shuffle)
            rest = [Unit(M, M, groups, shuffle=shuffle) for _ in range(units - 1)]
            self.add_module(f"stage{i + 2}", nn.Sequential(first, *rest))
            N = M
        self.head = Head(N, classes)


def _check(N: int, M: int, groups: int, stride: int, first_groups: int) -> None:
    if stride not in (1, 2):
        raise ValueError(f"a unit has stride 1 or 2, not {stride}")
    if stride == 1 and N != M:
        raise ValueError(f"at stride 1 a unit keeps its channels; {N} and {M} differ")
    if stride == 2 and M <= N:
        raise WidthError(f"at stride 2 a unit adds channels; {M} are not more than {N}")
    if M % 4 or M // 4 % groups:
        raise WidthError(
            f"a quarter of {M} channels cannot be split into {groups} groups; "
            f"take M, or the scale, so that {4 * groups} divides M"
        )
    if N % first_groups or (stride == 2 and (M - N) % groups):
        raise WidthError(
            f"{groups} groups cannot make {M} channels from {N}; take N, or the stem, so that "
            f"N = {M % groups} + a multiple of {groups}"
        )
