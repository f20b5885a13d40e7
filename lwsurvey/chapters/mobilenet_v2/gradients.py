"""How large gradients are, by unit: at the start, and along a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lwsurvey.data import Images

Make = Callable[[], nn.Module]


class Recorder:
    """Notes the norm of the gradient of some parts' weights at each step of a training.

    Args:
        parts: by name; the norm of a part is that of all its parameters together.
    """

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        self.squares: dict[str, list[list[torch.Tensor]]] = {}
        for name, part in parts.items():
            self.squares[name] = [self._watched(weight) for weight in part.parameters()]

    @staticmethod
    def _watched(weight: nn.Parameter) -> list[torch.Tensor]:
        noted: list[torch.Tensor] = []
        weight.register_post_accumulate_grad_hook(
            lambda p: noted.append(p.grad.detach().square().sum())
        )
        return noted

    def norms(self, name: str, steps: int) -> torch.Tensor:
        """Norm of a part's gradient at each of the first steps, shape ``(steps,)``.

        Raises:
            ValueError: there were not so many steps.
        """
        rows = [torch.stack(noted[:steps]) for noted in self.squares[name] if noted]
        if not rows or min(map(len, rows)) < steps:
            raise ValueError(f"{name} was not trained for {steps} steps")
        return torch.stack(rows).sum(0).sqrt()


def recorded(make: Make, ends: Callable[[nn.Module], Sequence[nn.Module]]) -> Make:
    """``make`` with a `Recorder` of the first and the last part, kept as ``net.recorder``."""

    def made() -> nn.Module:
        net = make()
        first, *_, last = ends(net)
        net.recorder = Recorder({"first": first, "last": last})
        return net

    return made


def at_start(
    make: Make, units: Callable[[nn.Module], Sequence[nn.Module]], images: Images, seed: int
) -> list[float]:
    """Norm of the gradient of each unit's weights before any training, first unit first.

    The weights are drawn by the rule of He et al. 2015 for ReLU, so that what vanishes does not
    do so because of a small start.

    Args:
        make: makes a network.
        units: gives its units.
        images: one batch.
        seed: of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = make().train()
        for part in net.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    cross_entropy(net(images.x), images.y).backward()
    squares = [[w.grad.square().sum() for w in unit.parameters()] for unit in units(net)]
    return [float(torch.stack(unit).sum().sqrt()) for unit in squares]
