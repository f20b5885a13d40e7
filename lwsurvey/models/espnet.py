"""ESPNet (Mehta et al. 2018), a network for semantic segmentation.

The paper's text and figures leave some sizes open; those are of the authors' code (github
sacmehta/ESPNet): 16, 64 and 128 channels, five branches, PReLU, batch normalisation with an
epsilon of 0.001, and which branches are added.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lwsurvey.models.blocks import same_convolution


class NormPReLU(nn.Sequential):
    """Batch normalisation, then a PReLU with one slope for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__(_norm(channels), nn.PReLU(channels))


class ESP(nn.Module):
    """Efficient spatial pyramid: reduce, split, transform, merge (figure 1).

    One convolution reduces N channels to ``M // branches``; on these work ``branches`` K x K
    convolutions with dilations 1, 2, 4, ...; hierarchical feature fusion adds to each output,
    but for that of dilation 1, those of the smaller dilations above 1; all are concatenated.
    The first branch makes the channels that are left over where ``branches`` does not divide M.

    Args:
        N: input channels.
        M: output channels, ``branches`` or more.
        branches: of the pyramid; the paper's K.
        K: side of the dilated kernels, odd; the paper's n.
        stride: 1, or 2 for the down-sampler, which reduces by 3 x 3 instead of 1 x 1.
        shortcut: whether the input is added; if not given, where N is M and the stride is 1.
        fusion: False leaves the hierarchical additions out.

    Raises:
        ValueError: fewer channels than branches, or a shortcut between different shapes.
    """

    def __init__(
        self, N: int, M: int, branches: int = 5, K: int = 3, stride: int = 1,
        shortcut: bool | None = None, fusion: bool = True,
    ) -> None:  # fmt: skip
        same = N == M and stride == 1
        _check(M, branches, stride, bool(shortcut) and not same)
        super().__init__()
        B = M // branches
        widths = [M - (branches - 1) * B, *[B] * (branches - 1)]
        self.shortcut = same if shortcut is None else shortcut
        self.fusion = fusion
        self.reduce = same_convolution(N, B, 1 if stride == 1 else 3, stride)
        self.pyramid = nn.ModuleList(
            same_convolution(B, width, K, dilation=2**i) for i, width in enumerate(widths)
        )
        self.after = NormPReLU(M)

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce(x)
        parts = [dilated(reduced) for dilated in self.pyramid]
        if self.fusion:
            for i in range(2, len(parts)):
                parts[i] = parts[i] + parts[i - 1]
        merged = torch.cat(parts, dim=1)
        return self.after(merged + x if self.shortcut else merged)


class ESPNetC(nn.Module):
    """The encoder (figure 4c): classes at an eighth of the sides, from ``(batch, 3, H, W)``.

    Args:
        classes: of the segmentation; 20 for Cityscapes, one of which is the background.
        alpha2: ESP modules at a quarter of the sides, after the down-sampler.
        alpha3: ESP modules at an eighth of the sides; the paper has 3, 5 and 8.

    Raises:
        ValueError: no class or no module, or, when called, sides that 8 does not divide.
    """

    def __init__(self, classes: int = 20, alpha2: int = 2, alpha3: int = 8) -> None:
        for name, number in (("classes", classes), ("alpha2", alpha2), ("alpha3", alpha3)):
            if number < 1:
                raise ValueError(f"{name} must be 1 or more, it is {number}")
        super().__init__()
        self.level1 = nn.Sequential(same_convolution(3, 16, 3, stride=2), NormPReLU(16))
        self.shrink = nn.AvgPool2d(3, 2, padding=1)
        self.after1 = NormPReLU(16 + 3)
        self.down2 = ESP(16 + 3, 64, stride=2)
        self.level2 = nn.Sequential(*[ESP(64, 64) for _ in range(alpha2)])
        self.after2 = NormPReLU(64 + 64 + 3)
        self.down3 = ESP(64 + 64 + 3, 128, stride=2)
        self.level3 = nn.Sequential(*[ESP(128, 128) for _ in range(alpha3)])
        self.after3 = NormPReLU(128 + 128)
        self.classifier = same_convolution(128 + 128, classes, 1)

    def features(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of 19, 131 and 256 channels at 1/2, 1/4 and 1/8 of the sides.

        The shrunken image is concatenated to the first two (input reinforcement).
        """
        if x.dim() != 4 or x.shape[2] % 8 or x.shape[3] % 8:
            raise ValueError(
                f"ESPNet halves three times: the images' rows and columns must be divisible "
                f"by 8, but their shape is {tuple(x.shape)}"
            )
        half = self.shrink(x)
        first = self.after1(torch.cat([self.level1(x), half], dim=1))
        down = self.down2(first)
        second = self.after2(torch.cat([self.level2(down), down, self.shrink(half)], dim=1))
        down = self.down3(second)
        return first, second, self.after3(torch.cat([down, self.level3(down)], dim=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x)[-1])


class ESPNet(nn.Module):
    """The whole network (figure 4d): ESPNet-C with a light decoder, classes at full sides.

    Args:
        classes: as in `ESPNetC`, but 5 or more: the decoder's ESP module has five branches.
        alpha2: as in `ESPNetC`.
        alpha3: as in `ESPNetC`.

    Raises:
        ValueError: as in `ESPNetC`, or fewer than 5 classes.
    """

    def __init__(self, classes: int = 20, alpha2: int = 2, alpha3: int = 8) -> None:
        super().__init__()
        C = classes
        self.encoder = ESPNetC(C, alpha2, alpha3)
        self.project = same_convolution(64 + 64 + 3, C, 1)
        self.norm3 = _norm(C)
        self.up3 = _double(C)
        self.combine = nn.Sequential(NormPReLU(2 * C), ESP(2 * C, C, shortcut=False))
        self.up2 = nn.Sequential(_double(C), NormPReLU(C))
        self.mix = nn.Sequential(same_convolution(C + 16 + 3, C, 3), NormPReLU(C))
        self.up1 = _double(C)

    def forward(self, x: Tensor) -> Tensor:
        first, second, third = self.encoder.features(x)
        coarse = self.up3(self.norm3(self.encoder.classifier(third)))
        middle = self.up2(self.combine(torch.cat([self.project(second), coarse], dim=1)))
        return self.up1(self.mix(torch.cat([middle, first], dim=1)))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def _double(channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, channels, 2, stride=2, bias=False)


def _check(M: int, branches: int, stride: int, misfit: bool) -> None:
    if stride not in (1, 2):
        raise ValueError(f"an ESP module has stride 1 or 2, not {stride}")
    if branches < 1 or branches > M:
        raise ValueError(f"{M} channels cannot be split over {branches} branches; take more")
    if misfit:
        raise ValueError("a shortcut needs as many input as output channels and stride 1")
