"""ProxylessNAS for phones (Cai et al. 2019), which neither torchvision nor timm has.

The blocks are those of the authors' published network description (github
mit-han-lab/proxylessnas, ``proxyless_mobile``), as read in github osmr/imgclsmob, which also
gives the number of its parameters.
"""

from __future__ import annotations

from torch import Tensor, nn

from lwsurvey.models.blocks import Head, same_convolution

BLOCKS = (
    (3, 1, 16, 1),
    (5, 3, 32, 2), (3, 3, 32, 1),
    (7, 3, 40, 2), (3, 3, 40, 1), (5, 3, 40, 1), (5, 3, 40, 1),
    (7, 6, 80, 2), (5, 3, 80, 1), (5, 3, 80, 1), (5, 3, 80, 1),
    (5, 6, 96, 1), (5, 3, 96, 1), (5, 3, 96, 1), (5, 3, 96, 1),
    (7, 6, 192, 2), (7, 6, 192, 1), (7, 3, 192, 1), (7, 3, 192, 1),
    (7, 6, 320, 1),
)  # fmt: skip
"""Kernel, expansion, output channels and stride; blocks that the search skipped left out."""


class InvertedResidual(nn.Module):
    """MobileNet V2's block with a kernel of K: expand t times, depthwise, project.

    Args:
        N: input channels.
        M: output channels.
        K: side of the depthwise kernel, odd.
        t: expansion; with 1 there is no expanding convolution.
        stride: of the depthwise convolution; the input is added at 1 and equal channels.
    """

    def __init__(self, N: int, M: int, K: int, t: int, stride: int) -> None:
        super().__init__()
        B = N * t
        expand = [same_convolution(N, B, 1), nn.BatchNorm2d(B), nn.ReLU6()] if t > 1 else []
        self.branch = nn.Sequential(
            *expand,
            same_convolution(B, B, K, stride, groups=B), nn.BatchNorm2d(B), nn.ReLU6(),
            same_convolution(B, M, 1), nn.BatchNorm2d(M),
        )  # fmt: skip
        self.adds = stride == 1 and N == M

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x) if self.adds else self.branch(x)


class ProxylessMobile(nn.Sequential):
    """The network for phones, for images of shape ``(batch, 3, H, W)``.

    Args:
        classes: outputs.

    Raises:
        ValueError: there is no class.
    """

    def __init__(self, classes: int = 1000) -> None:
        N, last = 32, 1280
        layers: list[nn.Module] = [same_convolution(3, N, 3, 2), nn.BatchNorm2d(N), nn.ReLU6()]
        for K, t, M, stride in BLOCKS:
            layers.append(InvertedResidual(N, M, K, t, stride))
            N = M
        layers += [same_convolution(N, last, 1), nn.BatchNorm2d(last), nn.ReLU6()]
        super().__init__(*layers, Head(last, classes))
