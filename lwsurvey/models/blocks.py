"""Blocks that several families of networks share; the tests prove them equal to others'."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

Layer = Callable[[int], nn.Module]
Make = Callable[[], nn.Module]


class WidthError(ValueError):
    """Channels that a block cannot have, where other channels would do; the message says why."""


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


def conv_norm(
    N: int, M: int, K: int = 1, stride: int = 1, *, groups: int = 1,
    norm: Layer = nn.BatchNorm2d, activation: Make | None = None,
) -> nn.Sequential:  # fmt: skip
    """A `same_convolution`, its normalisation, and an activation if one is given."""
    layers = [same_convolution(N, M, K, stride, groups), norm(M)]
    return nn.Sequential(*layers, *([activation()] if activation else []))


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


class SqueezeExcitation(nn.Module):
    """Weigh each channel by a score that is computed from the means of all channels.

    Hu et al. 2018, equations 2 to 4: ``z = mean(x)`` over the map, ``s = gate(W2 delta(W1 z))``,
    ``s * x``. Both layers have biases, as in the authors' code, which the equations leave out.

    Args:
        C: channels.
        squeezed: channels between the two layers; the paper's ``C / r``.
        delta: the activation between the layers.
        gate: what makes a score of the second layer's output; V3 has ``nn.Hardsigmoid``.
        side: the descriptor's rows and columns: 1 is the paper's mean over the whole map, 2
            has a mean for each quarter of it, and four times the weights in the first layer.

    Raises:
        ValueError: a size that is not positive.
    """

    def __init__(
        self,
        C: int,
        squeezed: int,
        *,
        delta: Make = nn.ReLU,
        gate: Make = nn.Sigmoid,
        side: int = 1,
    ) -> None:
        if min(C, squeezed, side) < 1:
            raise ValueError(f"C, squeezed and side are 1 or more, not {C}, {squeezed}, {side}")
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(side)
        # A kernel that covers the descriptor is a fully connected layer on all of it.
        self.fc1 = nn.Conv2d(C, squeezed, side)
        self.delta = delta()
        self.fc2 = nn.Conv2d(squeezed, C, 1)
        self.gate = gate()

    def scores(self, x: Tensor) -> Tensor:
        """The weights of the channels, of shape ``(batch, C, 1, 1)``."""
        return self.gate(self.fc2(self.delta(self.fc1(self.squeeze(x)))))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scores(x)


class InvertedResidual(nn.Module):
    """Expand by a 1 x 1, filter by a depthwise K x K, project by a 1 x 1 convolution.

    MobileNet V2's block (Sandler et al. 2018, table 1), which V3 has too; batch normalisation
    follows each convolution.

    Args:
        N: input channels.
        M: output channels.
        hidden: channels in the middle, ``t * N``; as many as ``N`` leave the expansion out, as
            in the first block of V2 and V3, unless it is to stay.
        K: side of the depthwise kernel, odd.
        stride: of the depthwise convolution.
        activation: after expansion and depthwise convolution.
        squeeze: makes what stands between the depthwise layer and the projection, from its
            channels, such as `SqueezeExcitation`; nothing by default.
        shortcut: add the input, where the stride is 1 and ``N`` equals ``M``.
        linear: no activation after the projection.
        depthwise_activation: an activation after the depthwise convolution.
        always_expand: a 1 x 1 convolution in front even where ``hidden`` equals ``N``.
        norm: makes the normalisation from its channels.

    Raises:
        ValueError: a size that is not positive, or an even kernel.
    """

    def __init__(
        self,
        N: int,
        M: int,
        *,
        hidden: int,
        K: int = 3,
        stride: int = 1,
        activation: Make = nn.ReLU6,
        squeeze: Layer | None = None,
        shortcut: bool = True,
        linear: bool = True,
        depthwise_activation: bool = True,
        always_expand: bool = False,
        norm: Layer = nn.BatchNorm2d,
    ) -> None:
        if min(N, M, hidden, stride) < 1:
            raise ValueError(f"sizes are 1 or more, not {N}, {M}, {hidden} and stride {stride}")
        super().__init__()
        self.shortcut = shortcut and stride == 1 and N == M
        layer = partial(conv_norm, norm=norm)
        self.expand = nn.Sequential()
        if always_expand or hidden != N:
            self.expand = layer(N, hidden, activation=activation)
        self.depthwise = layer(
            hidden, hidden, K, stride, groups=hidden,
            activation=activation if depthwise_activation else None,
        )  # fmt: skip
        self.squeeze = squeeze(hidden) if squeeze else nn.Identity()
        self.project = layer(hidden, M, activation=None if linear else activation)

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.squeeze(self.depthwise(self.expand(x))))
        return x + out if self.shortcut else out


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
        out = self.branch(x) if self.shortcut is None else self.shortcut(x) + self.branch(x)
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
        activation: after the first two convolutions; ``nn.Identity`` for a linear middle.
    """

    def __init__(
        self, N: int, B: int, K: int = 3, *, M: int | None = None, stride: int = 1,
        projection: bool = True, activation: Make = nn.ReLU,
    ) -> None:  # fmt: skip
        M = N if M is None else M
        branch = nn.Sequential(
            same_convolution(N, B, 1), nn.BatchNorm2d(B), activation(),
            same_convolution(B, B, K, stride), nn.BatchNorm2d(B), activation(),
            same_convolution(B, M, 1), nn.BatchNorm2d(M),
        )  # fmt: skip
        super().__init__(branch, _shortcut(N, M, stride, projection), relu=True)


def _shortcut(N: int, M: int, stride: int, projection: bool) -> nn.Module | None:
    if N == M and stride == 1:
        return nn.Identity()
    if not projection:
        return None
    return nn.Sequential(same_convolution(N, M, 1, stride), nn.BatchNorm2d(M))
