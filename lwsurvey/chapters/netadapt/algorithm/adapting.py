"""Algorithm 1 of NetAdapt (Yang et al. 2018)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from lwsurvey.chapters.netadapt.algorithm import checking
from lwsurvey.chapters.netadapt.algorithm.adapted import Adapted, frame
from lwsurvey.chapters.netadapt.algorithm.choosing import LEAST, Resource, asked
from lwsurvey.chapters.netadapt.algorithm.groups import KINDS, Group, groups
from lwsurvey.chapters.netadapt.algorithm.keeping import Keep, described, digest
from lwsurvey.chapters.netadapt.algorithm.picking import Guide
from lwsurvey.chapters.netadapt.algorithm.proposals import arrays
from lwsurvey.chapters.netadapt.algorithm.pruning import usual
from lwsurvey.chapters.netadapt.algorithm.settings import Schedule, Short
from lwsurvey.chapters.netadapt.algorithm.steps import Here, Run
from lwsurvey.data import Split
from lwsurvey.train.device import check_bfloat16, find_device
from lwsurvey.train.fitting import check_network


def adapt(
    network: nn.Module,
    split: Split,
    resource: Resource,
    *,
    budget: float,
    schedule: Schedule,
    short: Short | None = None,
    seed: int = 0,
    guide: str | Guide = "accuracy",
    kinds: Sequence[str] = KINDS,
    multiple: int = 8,
    least: int = LEAST,
    most: int | None = None,
    jobs: int | None = None,
    device: str = "cpu",
    keep: str | Path | None = None,
    after_step: Callable[[int, float], object] | None = None,
) -> Adapted:
    """Cut a pretrained network, layer by layer, until its resource is within a budget.

    In each step every group is a proposal: cut until the network meets the step's constraint,
    with the largest number of filters that does; the filters of largest norm stay; a short
    fine-tuning; and of all proposals the guide picks one, by accuracy on the held-out images. On
    a CPU the same inputs give the same bits, whatever ``jobs`` is and however often the run was
    killed. Test images are never looked at: see `Adapted.finished`.

    Args:
        network: pretrained; not changed.
        split: tuned on ``train``, picked on ``validation``.
        resource: what a network costs. It may not keep the network that it is given.
        budget: what the adapted network may cost, in the unit of the resource.
        schedule: what each step saves at least.
        short: the short fine-tuning; `Short` if not given.
        seed: of all that is random; each proposal has numbers of its own.
        guide: ``accuracy``, the paper's; ``slope``, MobileNet V3's; or a function as `pick_slope`.
        kinds: groups that may be cut.
        multiple: filters are cut to multiples of it; 8 in the published code.
        least: filters that a layer keeps at least, such as the least that a table knows.
        most: steps at most; no limit if not given.
        jobs: processes for the proposals of a step, through joblib.
        device: where proposals are tuned.
        keep: folder for the state, so that a killed run goes on where it was.
        after_step: called after each step with its number and the resource.

    Returns:
        The adapted network; the best that was reached, and why, if the budget cannot be met.

    Raises:
        SearchError: inputs with which nothing can be done, before any work; or a folder that
            holds another run.
        TrainError: a network that does not fit the images, or a device that is not there.
    """
    short, rule = short or Short(), checking.guide_of(guide)
    checking.check_images(split, short)
    checking.check_kinds(kinds)
    network = usual(copy.deepcopy(network)).cpu().eval()
    where = find_device(device)
    if short.amp:
        check_bfloat16(where)
    check_network(network, split, "the network to adapt")
    shape = (1, *split.train.x.shape[1:])
    parts, cost = groups(network, shape, kinds), asked(resource, network)
    checking.check_budget(budget, cost)
    checking.check_groups(network, parts, multiple, least)
    inputs = {
        "network": described(network), "resource": cost, "budget": budget,
        "schedule": str(schedule), "short": str(short), "seed": seed,
        "guide": guide if isinstance(guide, str) else guide.__qualname__,
        "kinds": list(kinds), "multiple": multiple, "least": least, "device": device,
        "images": digest(split.train.x, split.train.y, split.validation.x, split.validation.y),
        "PyTorch": torch.__version__,
    } if keep else {}  # fmt: skip
    run = Run(
        resource, schedule, short, seed, rule, tuple(kinds), (multiple, least), jobs, device,
        Keep(keep, inputs), (arrays(split.train), arrays(split.validation)), shape,
    )  # fmt: skip
    start = run.start(network, cost, split.validation)
    here, said = run.resumed(start, most), None
    while here.resource > budget and said is None:
        if most is not None and here.i >= most:
            said = "it was asked for no more"
        else:
            here, said = run.advance(here)
            if said is None and after_step:
                after_step(here.i, here.resource)
    return _ended(start, here, parts, budget, said)


def _ended(
    start: Here, here: Here, parts: Sequence[Group], budget: float, said: str | None
) -> Adapted:
    steps = (
        f"after {here.i} {'step' if here.i == 1 else 'steps'} the resource is {here.resource:.4g}"
    )
    said = (f"{steps}, within the budget of {budget:.4g}" if said is None else
            f"{steps}, above the budget of {budget:.4g}: {said}")  # fmt: skip
    log = frame(list(here.rows))
    return Adapted(
        here.network, log, here.resource <= budget, here.i, said, here.resource, here.accuracy,
        here.history, (start.resource, start.accuracy),
        {part.name: part.filters for part in parts}, 1 + int(log["tried"].sum()),
    )  # fmt: skip
