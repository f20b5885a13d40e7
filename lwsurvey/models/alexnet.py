"""AlexNet as it was published (Krizhevsky et al. 2012); torchvision's is a later variant."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

SIDE = 227
"""Rows and columns of the images. The paper prints 224, from which its own sizes (55 x 55
after an unpadded 11 x 11 convolution with stride 4) do not follow."""


class AlexNet(nn.Sequential):
    """Section 3.5 and figure 2 of the paper, for images of shape ``(batch, 3, 227, 227)``.

    The halves that lived on two graphics cards are two groups of the layers that did not
    communicate: 2, 4 and 5.

    Args:
        groups: of layers 2, 4 and 5; 1 for a dense network.
        classes: outputs.

    Raises:
        ValueError: groups that do not divide the channels, no class, or, when called, images
            of another size.
    """

    def __init__(self, groups: int = 2, classes: int = 1000) -> None:
        # 96 and 256 channels enter or leave a grouped layer.
        if groups < 1 or 32 % groups:
            raise ValueError(
                f"groups must divide 96, 256 and 384 channels, as 1 or 2, not {groups}"
            )
        if classes < 1:
            raise ValueError(f"a classifier has one class or more, not {classes}")
        super().__init__(OrderedDict([*_convolutions(groups), *_classifier(classes)]))

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4 or tuple(x.shape[1:]) != (3, SIDE, SIDE):
            expected = f"(batch, 3, {SIDE}, {SIDE})"
            raise ValueError(f"AlexNet takes images of shape {expected}, not {tuple(x.shape)}")
        return super().forward(x)


def _convolutions(groups: int) -> list[tuple[str, nn.Module]]:
    return [
        ("conv1", nn.Conv2d(3, 96, 11, 4)), ("relu1", nn.ReLU()),
        ("norm1", _normalise()), ("pool1", nn.MaxPool2d(3, 2)),
        ("conv2", nn.Conv2d(96, 256, 5, padding=2, groups=groups)), ("relu2", nn.ReLU()),
        ("norm2", _normalise()), ("pool2", nn.MaxPool2d(3, 2)),
        ("conv3", nn.Conv2d(256, 384, 3, padding=1)), ("relu3", nn.ReLU()),
        ("conv4", nn.Conv2d(384, 384, 3, padding=1, groups=groups)), ("relu4", nn.ReLU()),
        ("conv5", nn.Conv2d(384, 256, 3, padding=1, groups=groups)), ("relu5", nn.ReLU()),
        ("pool5", nn.MaxPool2d(3, 2)),
    ]  # fmt: skip


def _classifier(classes: int) -> list[tuple[str, nn.Module]]:
    return [
        ("flatten", nn.Flatten()),
        ("dropout6", nn.Dropout()), ("fc6", nn.Linear(256 * 6 * 6, 4096)), ("relu6", nn.ReLU()),
        ("dropout7", nn.Dropout()), ("fc7", nn.Linear(4096, 4096)), ("relu7", nn.ReLU()),
        ("fc8", nn.Linear(4096, classes)),
    ]  # fmt: skip


def _normalise() -> nn.LocalResponseNorm:
    # Section 3.3 has k = 2, n = 5, alpha = 1e-4, beta = 0.75 and a sum; PyTorch takes the mean.
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
