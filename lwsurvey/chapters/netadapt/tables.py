"""What papers and surveys print of NetAdapt, run as it stands: problem, algorithm, schedules."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
from torch import nn

from lwsurvey import paths
from lwsurvey.chapters.netadapt.algorithm import Schedule, adapt
from lwsurvey.chapters.netadapt.proposals import Short, pick_highest_accuracy
from lwsurvey.data import Split
from lwsurvey.models.blocks import Head, norm_relu, same_convolution

ONE_SHOT = r"Res_j(Net_i) \leq Bud_j, j = 1, \dots, m"
"""The constraint of the first of the notes' two problems; the maximum is over ``Net``."""

STEP = Fraction(1, 100)
"""MobileNet V3's reduction, in units of the seed network's latency ``L``."""

TOY_LAYERS = 5
"""Of a network with which it is seen how often the book's NetAdapt compares proposals."""

PUBLISHED = {"first": 0.025, "decay": 0.96, "iterations": 30}
"""Defaults of the published code: first step over the seed's resource, decay, most iterations."""


def free_indices(constraint: str = ONE_SHOT) -> list[str]:
    """Indices that a constraint uses and nothing binds.

    Args:
        constraint: in TeX; what stands after the comma, as in ``j = 1, ...``, is bound.
    """
    used = dict.fromkeys(re.findall(r"_([a-z])\b", constraint))
    bound = re.findall(r"\b([a-z])\s*=", constraint)
    return [index for index in used if index not in bound]


def iterations(step: Fraction = STEP) -> list[Fraction]:
    """Latency after each iteration of steps of ``step * L``, in units of L, until it is zero.

    Fractions, because a hundred times 0.01 is not 1 in binary.

    Raises:
        ValueError: a step that is not positive: the loop would not end.
    """
    if step <= 0:
        raise ValueError(f"a step is positive, not {step}")
    left = [Fraction(1)]
    while left[-1] > 0:
        left.append(left[-1] - step)
    return left


@dataclass(frozen=True)
class Toy:
    """A network of which only widths count: cost and accuracy are simple sums.

    Attributes:
        widths: filters of each of the K layers.
        cost: seconds of a filter of each layer.
        worth: what the first filters of a layer are worth more than its last.
    """

    widths: tuple[int, ...] = (8, 16, 16, 32, 32)
    cost: tuple[int, ...] = (5, 4, 3, 2, 1)
    worth: tuple[float, ...] = (9.0, 1.0, 4.0, 2.0, 0.5)

    def measure(self, widths: Sequence[int]) -> int:
        """TakeEmpiricalMeasurement."""
        return sum(c * n for c, n in zip(self.cost, widths, strict=True))

    def accuracy(self, widths: Sequence[int]) -> float:
        """Falls with the square of the share of filters that a layer has lost."""
        lost = (1 - n / full for n, full in zip(widths, self.widths, strict=True))
        return -sum(w * share**2 for w, share in zip(self.worth, lost, strict=True))

    def choose(self, widths: tuple[int, ...], k: int, limit: float) -> tuple[int, ...]:
        """ChooseNumFilters: as many filters of layer k as meet the limit, one at least."""
        for n in range(widths[k], 0, -1):
            cut = (*widths[:k], n, *widths[k + 1 :])
            if self.measure(cut) <= limit:
                break
        return cut


@dataclass(frozen=True)
class Trace:
    """What a run of the pseudo-code did.

    Attributes:
        widths: of the result.
        iterations: of the outer loop.
        picks: calls of PickHighestAccuracy.
    """

    widths: tuple[int, ...]
    iterations: int
    picks: int


def algorithm_1(budget: float, step: float, *, inside: bool, toy: Toy | None = None) -> Trace:
    """Algorithm 1 on a `Toy`, with the pick inside the loop over layers or behind it.

    Args:
        budget: Bud.
        step: Delta R, the same in all iterations.
        inside: as the notes indent it; False as their prose has it, and the paper.
        toy: the network; five layers if not given.
    """
    toy = toy or Toy()
    net, i, picks = toy.widths, 0, 0
    while toy.measure(net) > budget:
        limit, simplified = toy.measure(net) - step, []
        for k in range(len(net)):
            simplified.append(toy.choose(net, k, limit))
            if inside:
                picked, picks = _pick(toy, simplified, limit), picks + 1
        if not inside:
            picked, picks = _pick(toy, simplified, limit), picks + 1
        if picked == net:
            raise ValueError(f"no layer can meet {limit}: the budget is out of reach")
        net, i = picked, i + 1
    return Trace(net, i, picks)


def _pick(toy: Toy, proposals: list[tuple[int, ...]], limit: float) -> tuple[int, ...]:
    """PickHighestAccuracy, among those that meet the limit if there are any."""
    meeting = [one for one in proposals if toy.measure(one) <= limit]
    return max(meeting or proposals, key=toy.accuracy)


def five_layers(width: int = 16) -> nn.Sequential:
    """Five convolutions in a row and a classifier, for images of 28 x 28."""
    layers = [
        nn.Sequential(same_convolution(width if k else 1, width, 3, 2 if k < 3 else 1),
                      norm_relu(width))
        for k in range(TOY_LAYERS)
    ]  # fmt: skip
    return nn.Sequential(*layers, Head(width, 10))


def picks_per_step(split: Split, steps: int = 2) -> tuple[float, float]:
    """Calls of PickHighestAccuracy in a step, and proposals compared in a call, by the book's loop.

    Args:
        split: a few images are enough.
        steps: of NetAdapt.
    """
    compared: list[int] = []

    def counting(accuracies, resources, accuracy, resource):
        compared.append(len(accuracies))
        return pick_highest_accuracy(accuracies, resources, accuracy, resource)

    net = five_layers()
    reduction = Schedule(0.05 * _parameters(net), 1.0)
    run = adapt(
        net, split, _parameters, budget=1, schedule=reduction, most=steps, multiple=2,
        short=Short(steps=1, batch=16), guide=counting,
    )  # fmt: skip
    return len(compared) / run.steps, sum(compared) / len(compared)


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def steps(first: float, decay: float, count: int) -> np.ndarray:
    """Reductions of ``count`` iterations: ``first * decay ** (i - 1)``.

    Raises:
        ValueError: a first step that is not positive, or a decay outside of (0, 1].
    """
    if not first > 0 or not 0 < decay <= 1:
        raise ValueError(f"need first > 0 and 0 < decay <= 1, not {first} and {decay}")
    return first * decay ** np.arange(count)


def steps_needed(first: float, decay: float, reduction: float) -> float:
    """Iterations after which the steps add up to a reduction; infinite if they never do.

    A decaying schedule can take away ``first / (1 - decay)`` and no more, however long it runs.
    Accepted proposals usually overshoot, so that a run may need fewer.
    """
    if decay == 1:
        return math.ceil(reduction / first - 1e-9)
    left = 1 - reduction * (1 - decay) / first
    return math.ceil(math.log(left) / math.log(decay) - 1e-9) if left > 0 else math.inf


def schedules() -> pd.DataFrame:
    """The paper's table of schedules, with the sum of the steps and the least seed latency.

    Every accepted step takes away Delta R or more, so that the network that a run begins with
    takes at least the result's latency and the steps together.

    Returns:
        Index ``first, ms``; ``decay``, ``iterations``, ``top-1, %``, ``latency, ms``, ``steps,
        ms``, ``seed at least, ms``.
    """
    table = pd.read_csv(paths.data("papers/papers_netadapt_table2.csv"))
    sums = [steps(r.initial_reduction_ms, r.decay, r.iterations).sum() for r in table.itertuples()]
    return pd.DataFrame({
        "first, ms": table.initial_reduction_ms, "decay": table.decay,
        "iterations": table.iterations, "top-1, %": table.top1,
        "latency, ms": table.latency_ms, "steps, ms": sums,
        "seed at least, ms": table.latency_ms + sums,
    }).set_index("first, ms")  # fmt: skip


def mobilenet_v3_step() -> float:
    """The step that MobileNet V3's authors print, as a share of the seed network's latency."""
    table = pd.read_csv(paths.data("papers/papers_mobilenetv3_design.csv"))
    [text] = table.loc[table["item"] == "NetAdapt steps T and delta", "final_version"]
    return float(re.search(r"delta=([\d.]+)\*\|L\|", text).group(1))


def guided_by_macs() -> pd.DataFrame:
    """The paper's networks made with MACs as the target: MACs and phone latency, % of the seed's.

    Returns:
        Columns ``network``, ``MACs, %``, ``latency, %``, ``top-1, %``.
    """
    table = pd.read_csv(paths.data("papers/papers_netadapt_table1.csv"))
    return pd.DataFrame({
        "network": table.network, "MACs, %": table.macs_pct, "latency, %": table.latency_pct,
        "top-1, %": table.top1,
    })  # fmt: skip


AFFILIATIONS = {
    "Tien-Ju Yang": "MIT", "Andrew Howard": "Google", "Bo Chen": "Google",
    "Xiao Zhang": "Google", "Alec Go": "Google", "Mark Sandler": "Google",
    "Vivienne Sze": "MIT", "Hartwig Adam": "Google",
}  # fmt: skip
"""Of the authors, from the front matter of Yang et al. 2018."""


def affiliations() -> str:
    """Where NetAdapt comes from: the affiliations of its authors, in their order."""
    return " and ".join(dict.fromkeys(AFFILIATIONS.values()))


def published_entries() -> int:
    """Entries of the published code's table for MobileNet V1 at 224."""
    table = pd.read_csv(paths.data("papers/papers_netadapt_facts.csv")).set_index("item")
    text = table.loc["repo look-up table size for MobileNetV1 at 224", "value"]
    return int(re.search(r"(\d+) entries", text).group(1))
