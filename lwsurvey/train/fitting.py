"""Training one network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lwsurvey.data import Images, Split
from lwsurvey.train.device import (
    TrainError,
    check_bfloat16,
    exact,
    find_device,
    one_thread,
    seeded,
    within_memory,
)
from lwsurvey.train.recipe import Recipe, order

Make = Callable[[], nn.Module]
"""Makes the network to be trained; its weights are drawn in here."""

EVALUATED = 500
"""Images at a time where nothing is learned."""


@dataclass(frozen=True)
class Fit:
    """A trained network.

    Attributes:
        net: in evaluation mode, on the device of the training.
        validation: accuracy on the validation images, per cent.
        test: accuracy on the test images, per cent.
        losses: mean training loss of each epoch.
        seconds: of the training and both evaluations.
        name: name of the variant.
        seed: of the training.
    """

    net: nn.Module
    validation: float
    test: float
    losses: tuple[float, ...]
    seconds: float
    name: str
    seed: int


def fit(
    make: Make,
    split: Split,
    *,
    seed: int,
    epochs: int = Recipe.epochs,
    batch: int = Recipe.batch,
    lr: float = Recipe.lr,
    weight_decay: float = Recipe.weight_decay,
    device: str = "cpu",
    amp: bool = False,
    channels_last: bool = True,
    recipe: type[Recipe] = Recipe,
    name: str = "network",
) -> Fit:
    """Train a network by the book's `Recipe` and report what it reached at the end.

    On a CPU it works on one thread, and the same seed gives the same bits. The images come in
    an order that depends on the seed alone, and ``make`` draws from generators that are
    seeded alike: variants that draw weights of the same shapes in the same order begin with the
    same weights. Both are drawn on the CPU, so that they are the same on all devices. On a GPU
    convolutions are computed in whole 32-bit numbers and by the same algorithms each time,
    see `lwsurvey.train.device.exact`. The global generators are left as they were.

    Args:
        make: makes the network, for images of the split's shape and as many outputs as classes.
        split: trained on ``train``; ``validation`` and ``test`` are evaluated once, at the end.
        seed: of the weights, of the order of the images and of anything random in the network.
        epochs: passes over the training images.
        batch: images a step; what an epoch leaves over is dropped.
        lr: the highest learning rate of the cycle.
        weight_decay: of all weights.
        device: ``cpu``, ``cuda`` or ``mps``; the images are moved there once.
        amp: train in bfloat16 where PyTorch's autocast does so. What is trained is evaluated in
            32 bits in any case.
        channels_last: keep the channels of a pixel side by side in memory, which takes a half to
            four fifths of the time on a CPU.
        recipe: class that makes optimiser and schedule; a subclass may make others.
        name: of the variant, for messages.

    Raises:
        TrainError: too few images, a network that does not fit them, a device that is not
            there or does not compute in bfloat16, or a loss that is not finite.
        TrainMemoryError: the memory of the GPU ran out.
        ValueError: no epoch, or another number out of range.
    """
    chosen = recipe(epochs, batch, lr, weight_decay=weight_decay)
    where = find_device(device)
    if amp:
        check_bfloat16(where)
    check_split(split, batch, name)
    run = f"{name}, seed {seed}"
    start = time.perf_counter()
    with within_memory(where, run, batch), seeded(seed, where), one_thread(where), exact(where):
        here = _moved(split, where, channels_last)
        net = _made(make, here, where, channels_last, name)
        autocast = torch.autocast(where.type, torch.bfloat16, enabled=amp)
        losses = train_epochs(net, here.train, chosen, seed, autocast, run)
        validation, test = (accuracy(net, part) for part in (here.validation, here.test))
    seconds = time.perf_counter() - start
    return Fit(net, validation, test, losses, seconds, name, seed)


def check_split(split: Split, batch: int, name: str) -> None:
    """Raise TrainError unless there are images for a batch, and for validation and test."""
    if len(split.train) < batch:
        raise TrainError(
            f"{name}: {len(split.train)} training images do not fill a batch of {batch}"
        )
    if not len(split.validation) or not len(split.test):
        raise TrainError(f"{name}: there are no validation or no test images")


def accuracy(net: nn.Module, images: Images) -> float:
    """Share of images whose class gets the highest output, per cent; the mode becomes eval."""
    net.eval()
    with torch.no_grad():
        parts = zip(images.x.split(EVALUATED), images.y.split(EVALUATED), strict=True)
        right = sum((net(x).argmax(1) == y).sum() for x, y in parts)
    return 100 * int(right) / len(images)


def _made(
    make: Make, split: Split, device: torch.device, channels_last: bool, name: str
) -> nn.Module:
    net = make()
    if isinstance(net, nn.Module):
        net = net.to(device)
        net = net.to(memory_format=torch.channels_last) if channels_last else net
    check_network(net, split, name)
    return net


def check_network(network: object, split: Split, name: str) -> None:
    """Raise TrainError unless the network takes two images and gives as many outputs as classes.

    Args:
        network: what the variant made, already on the images' device.
        split: whose training images it must take.
        name: of the variant, for messages.
    """
    if not isinstance(network, nn.Module):
        raise TrainError(f"{name}: make() must return a network, not {type(network).__name__}")
    if not any(p.requires_grad for p in network.parameters()):
        raise TrainError(f"{name}: the network has no weights to train")
    x, classes = split.train.x[:2], split.train.classes
    found, wanted = _output_shape(network, x, name), (len(x), classes)
    if found != wanted:
        raise TrainError(
            f"{name}: for {len(x)} images of {classes} classes the network must give the shape "
            f"{wanted}, it gives {found}"
        )


def _output_shape(network: nn.Module, x: torch.Tensor, name: str) -> tuple[int, ...]:
    network.eval()
    try:
        with torch.no_grad():
            return tuple(network(x).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        raise TrainError(
            f"{name}: the network does not take images of shape {tuple(x.shape[1:])}: {error}"
        ) from error


def _moved(split: Split, device: torch.device, channels_last: bool) -> Split:
    parts = [part.to(device) for part in (split.train, split.validation, split.test)]
    if channels_last:
        parts = [Images(p.x.contiguous(memory_format=torch.channels_last), p.y) for p in parts]
    return Split(*parts)


def train_epochs(
    net: nn.Module, images: Images, recipe: Recipe, seed: int, autocast: torch.autocast,
    name: str,
) -> tuple[float, ...]:  # fmt: skip
    optimiser, schedule = recipe.optimiser(net, len(images))
    # A generator of its own, so that all variants see the images in the same order.
    generator = torch.Generator().manual_seed(seed)
    net.train()
    losses: list[float] = []
    for epoch in range(recipe.epochs):
        total = torch.zeros((), device=images.x.device)
        places = order(len(images), generator).to(images.x.device)
        steps = len(images) // recipe.batch
        for chosen in places[: steps * recipe.batch].split(recipe.batch):
            total += _step(net, images.x[chosen], images.y[chosen], optimiser, autocast)
            schedule.step()
        losses.append(float(total) / steps)
        if not math.isfinite(losses[-1]):
            raise TrainError(f"{name}: the training diverged in epoch {epoch + 1}, its loss is "
                             f"{losses[-1]}; a lower learning rate may help")  # fmt: skip
    return tuple(losses)


def _step(
    net: nn.Module, x: Tensor, y: Tensor, optimiser: torch.optim.SGD, autocast: torch.autocast
) -> Tensor:
    with autocast:
        loss = cross_entropy(net(x), y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()
