"""One proposal: cut one group, fine-tune for a short while, look at held-out images."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from lwsurvey.chapters.netadapt.algorithm.choosing import choose_which_filters
from lwsurvey.chapters.netadapt.algorithm.groups import Group
from lwsurvey.chapters.netadapt.algorithm.keeping import put
from lwsurvey.chapters.netadapt.algorithm.pruning import changed, prune
from lwsurvey.chapters.netadapt.algorithm.settings import Short
from lwsurvey.data import Images
from lwsurvey.train import accuracy
from lwsurvey.train.device import exact, one_thread, seeded, within_memory
from lwsurvey.train.recipe import order

Arrays = tuple[NDArray[np.float32], NDArray[np.int64]]
Result = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What a proposal depends on, and nothing else: so it may be made anywhere, at any time.

    Attributes:
        network: the parent.
        parts: its groups.
        k: which of them is cut.
        filters: how many stay.
        short: the fine-tuning.
        number: of all that is random in it.
        device: where it is tuned.
        file: where the result is kept, if anywhere.
    """

    network: nn.Module
    parts: tuple[Group, ...]
    k: int
    filters: int
    short: Short
    number: int
    device: str
    file: Path | None


def proposed(task: Task, train: Arrays, held_out: Arrays) -> Result:
    """Make a proposal.

    Args:
        task: which.
        train: images and classes for the fine-tuning.
        held_out: for the accuracies.

    Returns:
        ``kept`` (places), ``state`` (tensors of the tuned network, on the CPU), ``before`` and
        ``after`` (held-out accuracy around the fine-tuning, per cent), ``changed`` (groups
        with other numbers of filters than in the parent) and ``seconds``.
    """
    start, device = time.perf_counter(), torch.device(task.device)
    group = task.parts[task.k]
    kept = choose_which_filters(task.network, group, task.filters)
    network = prune(task.network, group, kept).to(device)
    what = f"a proposal, seed {task.number}"
    batch = task.short.batch
    with (
        within_memory(device, what, batch),
        seeded(task.number, device),
        one_thread(device),
        exact(device),
    ):
        images, seen = _images(train, device), _images(held_out, device)
        before = accuracy(network, seen)
        tune(network, images, task.short, task.number)
        after = accuracy(network, seen)
    state = {name: values.detach().cpu() for name, values in network.state_dict().items()}
    seconds = time.perf_counter() - start
    result = dict(
        kept=list(kept), state=state, before=before, after=after, seconds=seconds,
        changed=len(changed(task.network, network, task.parts)),
    )  # fmt: skip
    if task.file and task.file.parent.is_dir():  # a cluster's worker may have another disk
        put(task.file, result)
    return result


def tune(network: nn.Module, images: Images, short: Short, number: int) -> None:
    """Fine-tune in place, at a constant learning rate.

    Args:
        network: on the images' device.
        images: to learn from.
        short: how long, and how.
        number: of the order of the images.
    """
    optimiser = SGD(
        network.parameters(), short.lr, short.momentum, nesterov=short.momentum > 0,
        weight_decay=short.weight_decay,
    )  # fmt: skip
    network.train()
    device = images.x.device
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=short.amp)
    with exact(device):
        for places in _batches(len(images), short, number):
            chosen = places.to(device)
            with autocast:
                loss = cross_entropy(network(images.x[chosen]), images.y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


def arrays(images: Images) -> Arrays:
    """As arrays, which joblib shares among its processes instead of copying them."""
    return images.x.cpu().numpy(), images.y.cpu().numpy()


def _batches(images: int, short: Short, number: int) -> list[Tensor]:
    """Places of the images of each step: whole batches of as many epochs as it takes."""
    generator, batches = torch.Generator().manual_seed(number), []
    while len(batches) < short.steps:
        places = order(images, generator)[: images // short.batch * short.batch]
        batches.extend(places.split(short.batch))
    return batches[: short.steps]


def _images(part: Arrays, device: torch.device) -> Images:
    x, y = (torch.from_numpy(a if a.flags.writeable else a.copy()) for a in part)
    return Images(x.to(device).contiguous(memory_format=torch.channels_last), y.to(device))
