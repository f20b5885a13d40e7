"""The chapter's experiments: training its arms, looking into them, and comparing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from torch import nn

from lwsurvey import train
from lwsurvey.chapters.mobilenet_v2 import deep, gradients, readout
from lwsurvey.chapters.mobilenet_v2.arms import BUDGETS, MACS, RIVALS, SLIM, Make, ablations, stacks
from lwsurvey.chapters.mobilenet_v2.networks import Chain
from lwsurvey.data import Images, Split
from lwsurvey.stats import Estimate, mean_interval

LOOKED = ("V2", "no shortcuts", SLIM)
"""Of the ablations, what is looked into (`looked_into`)."""

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
"""What the chapter compares: the first arm minus the second."""


def named(frame: pd.DataFrame, seeds: int) -> pd.DataFrame:
    """The first seeds; arms that two studies share also under their names in the other one."""
    frame = frame[frame.seed < seeds]
    also = {f"V2, {MACS}": "V2", f"V1, {MACS}": "V1", "t = 6": "V2"}
    copies = [frame[frame.arm == old].assign(arm=new) for new, old in also.items()]
    return pd.concat([frame, *copies], ignore_index=True)


def ablated(split: Split, *, seeds: int, jobs: int, **how: object) -> pd.DataFrame:
    """Train all `ablations`; the columns of `looked_into`, empty where there is nothing."""
    arms = ablations()
    opened = looked_into({n: arms[n] for n in LOOKED}, split, chain_units, seeds=seeds, **how)
    closed = {name: make for name, make in arms.items() if name not in LOOKED}
    return pd.concat([opened, train.repeat(closed, split, seeds=seeds, jobs=jobs, **how)])


def starts(images: Images, seeds: int) -> dict[str, list[list[float]]]:
    """`gradients.at_start` of all `stacks`, with and without normalisation, a row a seed."""
    return {
        f"{name}, {'with' if norm else 'without'} normalisation": [
            gradients.at_start(make, deep.units_of, images, seed) for seed in range(seeds)
        ]
        for norm in (True, False)
        for name, make in stacks(norm).items()
    }


def rise(rows: list[list[float]]) -> float:
    """Log10 of the norm in the first unit over that in the last, mean of the seeds."""
    return float(np.mean([np.log10(row[0] / row[-1]) for row in rows]))


def looked_into(
    arms: Mapping[str, Make], split: Split, ends: Callable, *, seeds: int, fitted: int = 300,
    **how: object,
) -> pd.DataFrame:  # fmt: skip
    """`train.fit` where the networks are looked into, which `train.repeat` does not give back.

    Returns:
        The columns of `train.repeat`, and ``first`` and ``last``: log10 of the norm of the
        gradient in the first and in the last unit, mean over the steps of the first epoch;
        for a `Chain` that expands also ``read``, `readout.share_read` of the test images.
    """
    rows = []
    steps = len(split.train) // how["batch"]
    for name, make in arms.items():
        for seed in range(seeds):
            fit = train.fit(gradients.recorded(make, ends), split, seed=seed, name=name, **how)
            row = {"arm": name, "seed": seed, "validation": fit.validation, "test": fit.test}
            row |= {"loss": fit.losses[-1], "seconds": fit.seconds}
            for end in ("first", "last"):
                norms = fit.net.recorder.norms(end, steps)
                row[end] = float(norms.log10().mean())
            if isinstance(fit.net, Chain):
                some = split.train.take(min(fitted, len(split.train)))
                net = fit.net.cpu()
                row["read"] = readout.share_read(net, some, split.test)
            rows.append(row)
    return pd.DataFrame(rows)


def chain_units(net: Chain) -> list[nn.Module]:
    """The layers of each unit of a `Chain`, a unit ending with its projection."""
    places = [i for i, layer in enumerate(net.layers) if i and layer.late]
    starts = [1, *(place + 1 for place in places)]
    pairs = zip(starts, places, strict=False)
    return [nn.ModuleList(net.layers[a : b + 1]) for a, b in pairs]


def effects(frame: pd.DataFrame) -> dict[str, Estimate]:
    """Paired differences in points of all `PAIRS`."""
    return {name: train.difference(frame, *pair) for name, pair in PAIRS.items()}


def ratio(frame: pd.DataFrame, a: str, b: str) -> Estimate:
    """Log10 of (gradient in the first over that in the last unit), arm ``a`` minus ``b``."""
    falls = frame.assign(fall=frame["first"] - frame["last"])
    return train.difference(falls, a, b, "fall")


def lead(frame: pd.DataFrame) -> tuple[Estimate, dict[int, str]]:
    """V2 minus the better of the other families, mean over the budgets; and which that was.

    Which is better is decided on the validation images.
    """
    best = {}
    for macs in BUDGETS:
        means = {n: frame[frame.arm == f"{n}, {macs}"].validation.mean() for n in RIVALS}
        best[macs] = max(means, key=means.get)
    tests = {arm: rows.set_index("seed").test for arm, rows in frame.groupby("arm")}
    gaps = [tests[f"V2, {macs}"] - tests[f"{best[macs]}, {macs}"] for macs in BUDGETS]
    return mean_interval(sum(gaps) / len(gaps)), best


def said(effect: Estimate) -> str:
    """A difference in words: its size and interval; "open" if that contains 0."""
    text = effect.text("+.2f", " points")
    return f"{text} (open)" if effect.low <= 0 <= effect.high else text


def word(effect: Estimate) -> str:
    """What an interval says: "helps", "harms", or that it cannot be told."""
    if effect.low > 0:
        return "helps"
    return "harms" if effect.high < 0 else "cannot be told from nothing"
