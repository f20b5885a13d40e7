"""Squeeze-and-Excitation (Hu et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Weigh each channel by a score that is computed from the means of all channels.

    Equations 2 to 4 of the paper: ``z = mean(x)`` over the map, ``s = gate(W2 delta(W1 z))``,
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
        delta: Callable[[], nn.Module] = nn.ReLU,
        gate: Callable[[], nn.Module] = nn.Sigmoid,
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
