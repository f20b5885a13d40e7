"""What is examined in the chapter's networks: gradients, and what can be read behind a ReLU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lwsurvey import train
from lwsurvey.chapters.mobilenet_v2.networks import Chain, Make, units
from lwsurvey.data import Images, Split
from lwsurvey.stats import Estimate, mean_interval

FITTED = 300
"""Training images on which an affine readout is fitted, at most."""


def watch_gradients(make: Make) -> Make:
    """``make`` with ``net.squares``: squared norms of the gradients of its first and last unit.

    Each step of a training appends one number for each weight of the unit.
    """

    def made() -> nn.Module:
        net = make()
        first, *_, last = units(net)
        net.squares = {"first": [], "last": []}
        for unit, squares in zip((first, last), net.squares.values(), strict=True):
            for weight in unit.parameters():
                weight.register_post_accumulate_grad_hook(
                    lambda p, squares=squares: squares.append(float(p.grad.square().sum()))
                )
        return net

    return made


def examine(fit: train.Fit, split: Split) -> dict[str, float]:
    """What `lwsurvey.train.repeat` notes of a trained network.

    Returns:
        If it was watched, ``first`` and ``last``: log10 of the norm of the gradient in the first
        and last unit, mean over the steps of the first epoch; of a `Chain` ``read``: `share_read`.
    """
    found = {}
    ends = units(fit.net)[:: len(units(fit.net)) - 1]
    for unit, (end, squares) in zip(ends, getattr(fit.net, "squares", {}).items(), strict=False):
        steps = np.reshape(squares, (-1, len(list(unit.parameters()))))
        norms = np.sqrt(steps[: len(steps) // len(fit.losses)].sum(1))
        found[end] = float(np.log10(norms).mean())
    if isinstance(fit.net, Chain):
        some = split.train.take(min(FITTED, len(split.train)))
        found["read"] = share_read(fit.net.cpu(), some, split.validation)
    return found


def share_read(net: Chain, fitted: Images, held_out: Images) -> float:
    """R^2 of the best affine readout of a block's input from its expanded features, after ReLU6.

    It is fitted on some images and judged on others; mean of the blocks that expand.
    """
    pairs = [inputs_and_features(net, part.x) for part in (fitted, held_out)]
    return float(np.mean([readout_r2(*fit, *test) for fit, test in zip(*pairs, strict=True)]))


@torch.no_grad()
def inputs_and_features(net: Chain, images: Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
    """Input and output of each expansion, of shapes ``(pixels, N)`` and ``(pixels, t N)``."""
    seen: list[np.ndarray] = []

    def note(features: Tensor) -> None:
        seen.append(features.movedim(1, -1).flatten(0, 2).double().cpu().numpy())

    hooks = []
    for convolution, _, activation in (unit.expand for unit in units(net) if len(unit.expand)):
        hooks.append(convolution.register_forward_pre_hook(lambda _, x: note(x[0])))
        hooks.append(activation.register_forward_hook(lambda _, x, y: note(y)))
    net.eval()(images)
    for hook in hooks:
        hook.remove()
    return list(zip(seen[::2], seen[1::2], strict=True))


def readout_r2(x: np.ndarray, y: np.ndarray, x_new: np.ndarray, y_new: np.ndarray) -> float:
    """1 minus the squared error over the variance, all channels together, of x read from y."""
    ones = np.ones((len(y), 1))
    weights, *_ = np.linalg.lstsq(np.hstack([y, ones]), x, rcond=None)
    error = np.square(np.hstack([y_new, np.ones((len(y_new), 1))]) @ weights - x_new).sum()
    return 1 - error / np.square(x_new - x_new.mean(0)).sum()


def gradients_at_start(make: Make, images: Images, seed: int) -> list[float]:
    """Norm of the gradient of each unit's weights before training, from the first unit on.

    The weights are drawn by the rule of He et al. (2015) for ReLU, so that a gradient that
    vanishes does not do so because of a small start. The images are one batch.
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


def lead(runs: pd.DataFrame, ours: list[str], rivals: Mapping[str, list[str]]) -> Estimate:
    """Test accuracy of ours minus that of the best rival, mean over the budgets, paired by seed.

    Args:
        runs: result of `lwsurvey.train.repeat`.
        ours: a variant for each budget.
        rivals: variants of each family at the same budgets; the best one is chosen on the
            validation images.
    """
    validation = runs.groupby("variant").validation.mean()
    tests = {name: rows.set_index("seed").test for name, rows in runs.groupby("variant")}
    best = [max(names, key=validation.get) for names in zip(*rivals.values(), strict=True)]
    gaps = [tests[a] - tests[b] for a, b in zip(ours, best, strict=True)]
    found = mean_interval(sum(gaps) / len(gaps))
    return replace(found, runs=train.provenance(runs, found.n))
