"""What was cut is finished: fine-tuned, or trained from scratch, and set beside its rivals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd
import torch
from torch import nn

from lwsurvey import parallel, train
from lwsurvey.chapters.netadapt import shapes
from lwsurvey.chapters.netadapt.algorithm.proposals import tune
from lwsurvey.chapters.netadapt.study import ADAPTED, BY_MACS, SEED, Plan, Searched, last_widths
from lwsurvey.data import Split
from lwsurvey.stats import Estimate
from lwsurvey.train.device import one_thread, within_memory

UNIFORM, SCRATCH = "uniform, pruned", "uniform, from scratch"
SHAPE = "NetAdapt's shape, from scratch"


def finish(
    found: Searched, uniform: Sequence[int], split: Split, plan: Plan
) -> list[dict[str, object]]:
    """Fine-tune, or train from scratch, what one seed has been cut to; the test set once each.

    Args:
        found: of the seed.
        uniform: widths of the uniform network that takes as long as NetAdapt's.
        split: the images.
        plan: as it was searched.

    Returns:
        Rows ``arm``, ``seed``, ``validation``, ``test`` (per cent).
    """
    options = dict(seed=found.seed, **plan.how)
    long = dict(epochs=plan.long, lr=plan.lr, **options)
    fits = {name: one.finished(split, **long) for name, one in found.adapted().items()}
    cut = _retuned(shapes.pruned(found.pretrained, uniform), split, found.seed, plan)
    fits[UNIFORM] = train.fit(lambda: cut, split, **long)
    epochs = plan.scratch_epochs(len(split.train))
    for name, widths in {SCRATCH: uniform, SHAPE: last_widths(found.by_latency)}.items():
        make = partial(shapes.mobilenet_v1, widths)
        fits[name] = train.fit(make, split, epochs=epochs, **options)
    return [_row(name, found.seed, one) for name, one in fits.items()]


def finishes(
    found: Sequence[Searched], uniform: Sequence[Sequence[int]], split: Split, plan: Plan, jobs: int
) -> pd.DataFrame:
    """`finish` for each seed, one process a seed."""
    asked = [(one, widths, split, plan) for one, widths in zip(found, uniform, strict=True)]
    rows = [row for some in parallel.spread(finish, asked, jobs) for row in some]
    rows += [{"arm": SEED, "seed": one.seed, "test": one.test} for one in found]
    return pd.DataFrame(rows)


def _retuned(network: nn.Module, split: Split, seed: int, plan: Plan) -> nn.Module:
    """As many short steps at once as NetAdapt's network has had on its way."""
    short = replace(plan.short, steps=plan.steps * plan.short.steps)
    network, device = network.to(plan.device), torch.device(plan.device)
    with within_memory(device, f"{UNIFORM}, seed {seed}", short.batch), one_thread(device):
        tune(network, split.train.to(device), short, seed)
    return network


def _row(arm: str, seed: int, fitted: train.Fit) -> dict[str, object]:
    return dict(arm=arm, seed=seed, validation=fitted.validation, test=fitted.test)


def effects(frame: pd.DataFrame) -> dict[str, Estimate]:
    """The paired differences that the chapter asks for, in points, by what is compared."""
    pairs: Mapping[str, tuple[str, str]] = {
        "NetAdapt or uniform, pruned": (ADAPTED, UNIFORM),
        "NetAdapt or uniform, from scratch": (ADAPTED, SCRATCH),
        "NetAdapt's shape or uniform, both from scratch": (SHAPE, SCRATCH),
        "NetAdapt fine-tuned or its shape from scratch": (ADAPTED, SHAPE),
        "guided by latency or by MACs": (ADAPTED, BY_MACS),
    }
    return {name: train.difference(frame, *pair) for name, pair in pairs.items()}
