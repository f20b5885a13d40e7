"""What must be right before a run begins."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from lwsurvey.chapters.netadapt.algorithm.choosing import LEAST, counts
from lwsurvey.chapters.netadapt.algorithm.groups import KINDS, Group
from lwsurvey.chapters.netadapt.algorithm.picking import GUIDES, Guide
from lwsurvey.chapters.netadapt.algorithm.pruning import prune
from lwsurvey.chapters.netadapt.algorithm.settings import Short
from lwsurvey.data import Split
from lwsurvey.search import SearchError


def check_images(split: Split, short: Short) -> None:
    """Raise SearchError unless there are images to tune on and others to pick on."""
    if not len(split.validation):
        raise SearchError("there are no held-out images (split.validation) to pick proposals on")
    if short.steps and len(split.train) < short.batch:
        raise SearchError(f"{len(split.train)} training images do not fill a batch of "
                          f"{short.batch}")  # fmt: skip


def check_budget(budget: float, cost: float) -> None:
    """Raise SearchError unless the budget is positive and below the present cost."""
    if not (math.isfinite(budget) and budget > 0):
        raise SearchError(f"the budget must be positive, it is {budget}")
    if budget >= cost:
        raise SearchError(f"the network costs {cost:g} and meets the budget of {budget:g} "
                          "already: there is nothing to adapt")  # fmt: skip


def check_groups(
    network: nn.Module, parts: Sequence[Group], multiple: int, least: int = LEAST
) -> None:
    """Raise SearchError unless each group can be cut and the outputs stay as many.

    Args:
        network: not changed.
        parts: its groups.
        multiple: the numbers of filters that are tried are multiples of it.
        least: the smallest of them.
    """
    if multiple < 1:
        raise SearchError(f"filters are tried in multiples of 1 or more, not {multiple}")
    if not any(counts(part.filters, multiple, least) for part in parts):
        raise SearchError(f"nothing can be pruned: no group of the chosen kinds can be cut to a "
                          f"multiple of {multiple} filters, {least} at least")  # fmt: skip
    wanted = _shape(network, parts[0])
    for part in parts:
        found = _shape(prune(network, part, range(part.filters - 1)), part)
        if found != wanted:
            raise SearchError(f"pruning {part.name} would change the outputs: {found} in place of "
                              f"{wanted}")  # fmt: skip


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise SearchError unless groups may be of these kinds."""
    known = (*KINDS, "squeeze")
    if isinstance(kinds, str) or not kinds or not set(kinds) <= set(known):
        raise SearchError(f"kinds are some of {', '.join(known)}, not {kinds!r}")


def guide_of(guide: str | Guide) -> Guide:
    """The rule of a name.

    Raises:
        SearchError: an unknown name.
    """
    if not isinstance(guide, str):
        return guide
    if guide not in GUIDES:
        raise SearchError(f"guide is one of {', '.join(GUIDES)} or a function, not {guide!r}")
    return GUIDES[guide]


def _shape(network: nn.Module, part: Group) -> tuple[int, ...]:
    training, device = network.training, next(network.parameters()).device
    network.eval()
    try:
        with torch.no_grad():
            return tuple(network(torch.zeros(part.shape, device=device)).shape)
    except RuntimeError as error:
        raise SearchError(f"the network does not work once {part.name} is cut: {error}") from error
    finally:
        network.train(training)
