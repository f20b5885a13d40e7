"""A network of five layers, to see how often NetAdapt compares proposals."""

from __future__ import annotations

from torch import nn

from lwsurvey.chapters.netadapt import algorithm
from lwsurvey.data import Split
from lwsurvey.models.blocks import Head, norm_relu, same_convolution

K = 5


def five_layers(width: int = 16) -> nn.Sequential:
    """Five convolutions in a row and a classifier, for images of 28 x 28."""
    layers = [
        nn.Sequential(same_convolution(width if k else 1, width, 3, 2 if k < 3 else 1),
                      norm_relu(width))
        for k in range(K)
    ]  # fmt: skip
    return nn.Sequential(*layers, Head(width, 10))


def parameters(network: nn.Module) -> int:
    """How many a network has; the resource of the toy."""
    return sum(p.numel() for p in network.parameters())


def picks_per_step(split: Split, steps: int = 2) -> tuple[float, float]:
    """Calls of PickHighestAccuracy in a step, and proposals compared in a call.

    Args:
        split: a few images are enough.
        steps: of NetAdapt.
    """
    compared: list[int] = []

    def counting(accuracies, resources, accuracy, resource):
        compared.append(len(accuracies))
        return algorithm.pick_accuracy(accuracies, resources, accuracy, resource)

    net = five_layers()
    reduction = algorithm.Schedule(0.05 * parameters(net), 1.0)
    run = algorithm.adapt(
        net, split, parameters, budget=1, schedule=reduction, most=steps, multiple=2,
        short=algorithm.Short(steps=1, batch=16), guide=counting,
    )  # fmt: skip
    return len(compared) / run.steps, sum(compared) / len(compared)
