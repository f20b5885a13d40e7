"""Building blocks that several families of networks share."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

Layer = Callable[[int], nn.Module]


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Deal the channels of each group out to all groups, as ShuffleNet does.

    Channel ``i`` of group ``g`` goes to place ``i * groups + g``: a permutation, without
    arithmetic and without parameters.

    Args:
        x: shape ``(batch, channels, H, W)``.
        groups: must divide the channels.

    Raises:
        ValueError: ``groups`` is not positive or does not divide the channels.
    """
    batch, channels, *size = x.shape
    if groups < 1 or channels % groups:
        raise ValueError(f"{groups} groups do not divide {channels} channels")
    grouped = x.reshape(batch, groups, channels // groups, *size)
    return grouped.transpose(1, 2).reshape(x.shape)


class ChannelShuffle(nn.Module):
    """`channel_shuffle` as a module."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        return channel_shuffle(x, self.groups)


def same_convolution(
    N: int, M: int, K: int, stride: int = 1, groups: int = 1, dilation: int = 1, bias: bool = False
) -> nn.Conv2d:
    """A convolution with an odd kernel, and a padding that keeps the map at stride 1.

    Raises:
        ValueError: the kernel is even.
    """
    if K % 2 == 0:
        raise ValueError(f"K must be odd, so that padding can keep the map; it is {K}")
    padding = dilation * (K // 2)
    return nn.Conv2d(N, M, K, stride, padding, dilation, groups, bias)


def norm_relu(channels: int) -> nn.Sequential:
    """Batch normalisation, then ReLU."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())


class Head(nn.Sequential):
    """Mean over the map, whatever its size, then a linear classifier with biases.

    Args:
        N: input channels.
        classes: outputs, one or more.

    Raises:
        ValueError: there is no class.
    """

    def __init__(self, N: int, classes: int) -> None:
        if classes < 1:
            raise ValueError(f"a classifier has one class or more, not {classes}")
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(N, classes)


class DepthwiseSeparable(nn.Sequential):
    """MobileNet V1's block: depthwise K x K, then pointwise 1 x 1.

    Args:
        N: input channels.
        M: output channels.
        K: side of the depthwise kernel, odd.
        stride: of the depthwise convolution.
        after: makes what follows each convolution from its channels, such as batch
            normalisation and ReLU; nothing by default.
    """

    def __init__(self, N: int, M: int, K: int = 3, stride: int = 1, after: Layer | None = None):
        after = after or (lambda channels: nn.Identity())
        super().__init__()
        self.depthwise = same_convolution(N, N, K, stride, groups=N)
        self.after_depthwise = after(N)
        self.pointwise = same_convolution(N, M, 1)
        self.after_pointwise = after(M)


class Residual(nn.Module):
    """A branch to which its input is added (He et al. 2016).

    Args:
        branch: what is computed.
        shortcut: what the input passes on its way to the sum, such as ``nn.Identity()``; None
            leaves the sum out.
        relu: a ReLU at the end, behind the sum.
    """

    def __init__(self, branch: nn.Module, shortcut: nn.Module | None, *, relu: bool) -> None:
        super().__init__()
        self.branch, self.shortcut, self.relu = branch, shortcut, relu

    def forward(self, x: Tensor) -> Tensor:
        out = self.branch(x)
        if self.shortcut is not None:
            out = self.shortcut(x) + out
        return out.relu() if self.relu else out


class BasicBlock(Residual):
    """ResNet's block of two 3 x 3 convolutions, plus the input, then ReLU.

    Args:
        N: input channels.
        M: output channels.
        stride: of the first convolution.
        projection: where the shape changes, a 1 x 1 convolution fits the input to the sum; if
            False there is no sum there.
    """

    def __init__(self, N: int, M: int, stride: int = 1, *, projection: bool = True) -> None:
        branch = nn.Sequential(
            same_convolution(N, M, 3, stride), norm_relu(M),
            same_convolution(M, M, 3), nn.BatchNorm2d(M),
        )  # fmt: skip
        super().__init__(branch, _shortcut(N, M, stride, projection), relu=True)


class Bottleneck(Residual):
    """ResNet's block: 1 x 1 to B channels, K x K, 1 x 1 to M, plus the input, then ReLU.

    Args:
        N: input channels.
        B: channels in the middle.
        K: side of the middle kernel, odd.
        M: output channels; ``N`` if not given.
        stride: of the middle convolution.
        projection: as in `BasicBlock`.
    """

    def __init__(
        self, N: int, B: int, K: int = 3, *, M: int | None = None, stride: int = 1,
        projection: bool = True,
    ) -> None:  # fmt: skip
        M = N if M is None else M
        branch = nn.Sequential(
            same_convolution(N, B, 1), nn.BatchNorm2d(B), nn.ReLU(),
            same_convolution(B, B, K, stride), nn.BatchNorm2d(B), nn.ReLU(),
            same_convolution(B, M, 1), nn.BatchNorm2d(M),
        )  # fmt: skip
        super().__init__(branch, _shortcut(N, M, stride, projection), relu=True)


def _shortcut(N: int, M: int, stride: int, projection: bool) -> nn.Module | None:
    if N == M and stride == 1:
        return nn.Identity()
    if not projection:
        return None
    return nn.Sequential(same_convolution(N, M, 1, stride), nn.BatchNorm2d(M))
