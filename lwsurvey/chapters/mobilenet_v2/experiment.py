"""The chapter's experiments: training its variants, examining them, and comparing them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lwsurvey import train
from lwsurvey.chapters.mobilenet_v2.networks import (
    BUDGETS,
    MACS,
    RIVALS,
    SLIM,
    Chain,
    Make,
    ablations,
    stacks,
    units,
)
from lwsurvey.data import Images, Split
from lwsurvey.stats import Estimate, mean_interval

EXAMINED = ("V2", "no shortcuts", SLIM)
"""Of the ablations, those whose gradients and features are examined (`examine`)."""

FITTED = 300
"""Training images on which a readout is fitted, at most."""

PAIRS = {
    "shortcuts: narrow ends against none": ("V2", "no shortcuts"),
    "shortcuts: expansions against none": ("wide, expanded", "no shortcuts"),
    "shortcuts: depthwise against none": ("wide, filtered", "no shortcuts"),
    "shortcuts: narrow against expansions": ("V2", "wide, expanded"),
    "projection: linear against ReLU6": ("V2", "ReLU6 projection"),
    "V2: no ReLU6 after 3 × 3": ("no ReLU6 after 3 x 3", "V2"),
    "V1: no ReLU after 3 × 3": ("V1, no ReLU after 3 x 3", "V1"),
    "middle: t = 6 against t = 1, same widths": ("V2", SLIM),
    "V2 against V1, same MACs": ("V2", "V1"),
}
"""What the chapter compares: the first variant minus the second."""


class Recorder:
    """Notes the norm of the gradient of a part's weights at each step of a training.

    Args:
        part: its norm is that of all its parameters together.
    """

    def __init__(self, part: nn.Module) -> None:
        self.squares = [self._watch(weight) for weight in part.parameters()]

    @staticmethod
    def _watch(weight: nn.Parameter) -> list[Tensor]:
        noted: list[Tensor] = []
        weight.register_post_accumulate_grad_hook(
            lambda p: noted.append(p.grad.detach().square().sum())
        )
        return noted

    def norms(self, steps: int) -> Tensor:
        """Norm of the part's gradient at each of the first steps, shape ``(steps,)``.

        Raises:
            ValueError: there were not so many steps.
        """
        rows = [torch.stack(noted[:steps]) for noted in self.squares if noted]
        if not rows or min(map(len, rows)) < steps:
            raise ValueError(f"the part was not trained for {steps} steps")
        return torch.stack(rows).sum(0).sqrt()


def recorded(make: Make) -> Make:
    """``make`` with a `Recorder` of the first and of the last unit, as ``net.recorders``."""

    def made() -> nn.Module:
        net = make()
        first, *_, last = units(net)
        net.recorders = {"first": Recorder(first), "last": Recorder(last)}
        return net

    return made


def gradients_at_start(make: Make, images: Images, seed: int) -> list[float]:
    """Norm of the gradient of each unit's weights before any training, first unit first.

    The weights are drawn by the rule of He et al. 2015 for ReLU, so that what vanishes does not
    do so because of a small start.

    Args:
        make: makes a network of the small plan.
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


def starts(images: Images, seeds: int) -> dict[str, list[list[float]]]:
    """`gradients_at_start` of all `stacks`, with and without normalisation, a row a seed."""
    return {
        f"{name}, {'with' if norm else 'without'} normalisation": [
            gradients_at_start(make, images, seed) for seed in range(seeds)
        ]
        for norm in (True, False)
        for name, make in stacks(norm).items()
    }


def rise(rows: list[list[float]]) -> float:
    """Log10 of the norm in the first unit over that in the last, mean of the seeds."""
    return float(np.mean([np.log10(row[0] / row[-1]) for row in rows]))


@torch.no_grad()
def inputs_and_features(net: Chain, images: Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each expansion what enters and what leaves it, a row for each pixel.

    Args:
        net: changed to evaluation mode.
        images: shape ``(n, 1, 28, 28)``.

    Returns:
        Pairs of shapes ``(pixels, N)`` and ``(pixels, t N)``, in float64.
    """
    seen: list[np.ndarray] = []

    def pixels(maps: Tensor) -> None:
        seen.append(maps.movedim(1, -1).flatten(0, 2).double().cpu().numpy())

    hooks = []
    for convolution, _, activation in (unit.expand for unit in units(net) if len(unit.expand)):
        hooks.append(convolution.register_forward_pre_hook(lambda _, x: pixels(x[0])))
        hooks.append(activation.register_forward_hook(lambda _, x, y: pixels(y)))
    net.eval()(images)
    for hook in hooks:
        hook.remove()
    return list(zip(seen[::2], seen[1::2], strict=True))


def share_read(net: Chain, fitted: Images, held_out: Images) -> float:
    """R^2 of the best affine readout of the input from the features, mean over the blocks.

    It says how much of a block's input can still be read behind the expansion and ReLU6. The
    readout is fitted by least squares on one set of images and judged on another.
    """
    pairs = [inputs_and_features(net, part.x) for part in (fitted, held_out)]
    return float(np.mean([readout_r2(*fit, *test) for fit, test in zip(*pairs, strict=True)]))


def readout_r2(x: np.ndarray, y: np.ndarray, x_new: np.ndarray, y_new: np.ndarray) -> float:
    """1 minus the squared error over the variance, all channels together, of x read from y."""

    def affine(y: np.ndarray) -> np.ndarray:
        return np.hstack([y, np.ones((len(y), 1))])

    weights, *_ = np.linalg.lstsq(affine(y), x, rcond=None)
    error = np.square(affine(y_new) @ weights - x_new).sum()
    return 1 - error / np.square(x_new - x_new.mean(0)).sum()


def examine(fit: train.Fit, split: Split) -> dict[str, float]:
    """What is found in a trained network of `recorded`, for `lwsurvey.train.repeat`.

    Returns:
        ``first`` and ``last``: log10 of the norm of the gradient in the first and in the last
        unit, mean over the steps of the first epoch; for a `Chain` also ``read``, `share_read`
        of the test images.
    """
    found = {}
    for end, recorder in fit.net.recorders.items():
        steps = len(recorder.squares[0]) // len(fit.losses)
        found[end] = float(recorder.norms(steps).log10().mean())
    if isinstance(fit.net, Chain):
        some = split.train.take(min(FITTED, len(split.train)))
        found["read"] = share_read(fit.net.cpu(), some, split.test)
    return found


def run_examined(variants: dict[str, Make], split: Split, **how: object) -> pd.DataFrame:
    """Train variants and `examine` them; columns as `lwsurvey.train.repeat` gives them."""
    made = {name: recorded(make) for name, make in variants.items()}
    return train.repeat(made, split, examine=examine, **how)


def run_ablations(split: Split, **how: object) -> pd.DataFrame:
    """Train all `ablations`; what `examine` finds is empty where it was not asked."""
    variants = ablations()
    opened = run_examined({name: variants.pop(name) for name in EXAMINED}, split, **how)
    return pd.concat([opened, train.repeat(variants, split, **how)])


def name_shared(frame: pd.DataFrame, seeds: int) -> pd.DataFrame:
    """The first seeds; variants of two studies also under their names in the other one."""
    frame = frame[frame.seed < seeds]
    also = {f"V2, {MACS}": "V2", f"V1, {MACS}": "V1", "t = 6": "V2"}
    copies = [frame[frame.variant == old].assign(variant=new) for new, old in also.items()]
    return pd.concat([frame, *copies], ignore_index=True)


def effects(frame: pd.DataFrame) -> dict[str, Estimate]:
    """Paired differences in points of all `PAIRS`."""
    return {name: train.difference(frame, *pair) for name, pair in PAIRS.items()}


def ratio(frame: pd.DataFrame, a: str, b: str) -> Estimate:
    """Log10 of (gradient in the first over that in the last unit), ``a`` minus ``b``."""
    falls = frame.assign(fall=frame["first"] - frame["last"])
    return train.difference(falls, a, b, "fall")


def lead(frame: pd.DataFrame) -> tuple[Estimate, dict[int, str]]:
    """V2 minus the better of the other families, mean over the budgets; and which that was.

    Which is better is decided on the validation images.
    """
    best = {}
    for macs in BUDGETS:
        means = {n: frame[frame.variant == f"{n}, {macs}"].validation.mean() for n in RIVALS}
        best[macs] = max(means, key=means.get)
    tests = {name: rows.set_index("seed").test for name, rows in frame.groupby("variant")}
    gaps = [tests[f"V2, {macs}"] - tests[f"{best[macs]}, {macs}"] for macs in BUDGETS]
    return mean_interval(sum(gaps) / len(gaps)), best


def format_effect(effect: Estimate) -> str:
    """A difference in words: its size and interval; "open" if that contains 0."""
    text = effect.text("+.2f", " points")
    return f"{text} (open)" if effect.low <= 0 <= effect.high else text


def word(effect: Estimate) -> str:
    """What an interval says: "helps", "harms", or that it cannot be told."""
    if effect.low > 0:
        return "helps"
    return "harms" if effect.high < 0 else "cannot be told from nothing"
