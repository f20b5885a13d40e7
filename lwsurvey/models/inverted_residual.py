"""The inverted residual of MobileNet V2 (Sandler et al. 2018), as V3 has it too."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from lwsurvey.models.blocks import Layer, same_convolution


class InvertedResidual(nn.Module):
    """Expand by a 1 x 1, filter by a depthwise K x K, project by a 1 x 1 convolution.

    Table 1 of the paper; batch normalisation follows each convolution.

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
        filtered: an activation after the depthwise convolution.
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
        activation: Callable[[], nn.Module] = nn.ReLU6,
        squeeze: Layer | None = None,
        shortcut: bool = True,
        linear: bool = True,
        filtered: bool = True,
        always_expand: bool = False,
        norm: Layer = nn.BatchNorm2d,
    ) -> None:
        if min(N, M, hidden, stride) < 1:
            raise ValueError(f"sizes are 1 or more, not {N}, {M}, {hidden} and stride {stride}")
        super().__init__()
        self.shortcut = shortcut and stride == 1 and N == M
        self.expand = nn.Sequential()
        if always_expand or hidden != N:
            self.expand.extend([same_convolution(N, hidden, 1), norm(hidden), activation()])
        self.depthwise = nn.Sequential(
            same_convolution(hidden, hidden, K, stride, groups=hidden), norm(hidden)
        )
        if filtered:
            self.depthwise.append(activation())
        self.squeeze = squeeze(hidden) if squeeze else nn.Identity()
        self.project = nn.Sequential(same_convolution(hidden, M, 1), norm(M))
        if not linear:
            self.project.append(activation())

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.squeeze(self.depthwise(self.expand(x))))
        return x + out if self.shortcut else out
