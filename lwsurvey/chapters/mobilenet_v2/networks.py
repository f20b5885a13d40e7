"""A small MobileNet V2 as one row of layers, in which shortcuts join what one likes.

Inverted residuals in a row are expand, filter, project, expand, filter, project, and so on.
Where one block ends and the next begins is a matter of brackets; what the brackets decide is
which tensors the shortcuts add. Here the layers, their order and their initial weights stay,
and only the additions move.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from lwsurvey.models.blocks import Head, same_convolution
from lwsurvey.models.small import STEM, UNITS

JOINS = {"narrow": "project", "expanded": "expand", "filtered": "filter", "none": None}
"""Which layers' outputs the shortcuts join: the narrow ends, as MobileNet V2; the wide outputs
of the expansions; those of the depthwise convolutions; none."""


@dataclass(frozen=True)
class Plan:
    """A layer: its ``role`` (stem, expand, filter, project) and the sizes of its convolution."""

    role: str
    N: int
    M: int
    K: int = 1
    stride: int = 1


class Layer(nn.Module):
    """Convolution, normalisation, and perhaps an activation.

    What a shortcut brings is added before the activation, as in ResNet; behind a projection
    that has one (``late``) after it, so that the shortcut itself stays linear.
    """

    def __init__(self, plan: Plan, activation: nn.Module | None, late: bool = False) -> None:
        super().__init__()
        groups = plan.N if plan.role == "filter" else 1
        self.convolution = same_convolution(plan.N, plan.M, plan.K, plan.stride, groups=groups)
        self.norm = nn.BatchNorm2d(plan.M)
        self.activation = activation or nn.Identity()
        self.late = late

    def forward(self, x: Tensor, kept: Tensor | None = None) -> Tensor:
        out = self.norm(self.convolution(x))
        if kept is None:
            return self.activation(out)
        return self.activation(out) + kept if self.late else self.activation(out + kept)


class Chain(nn.Module):
    """The plan of `lwsurvey.models.small` with the layers of inverted residuals.

    With its default options it is ``small.mobilenet_v2``. As there, the first unit does not
    expand; with ``t`` = 1 the others keep a 1 x 1 convolution from N to N, so that the
    expansion changes the width of the middle and nothing else.

    Args:
        width: channels at 7 x 7.
        t: expansion, 1 or more.
        late: channels at 4 x 4; ``2 * width`` if not given.
        join: of `JOINS`.
        linear: no activation after the projections.
        filtered: an activation after the depthwise convolutions.
        classes: outputs.

    Raises:
        ValueError: a size that is not positive, or an unknown join.
    """

    def __init__(
        self,
        width: int,
        t: int = 6,
        *,
        late: int | None = None,
        join: str = "narrow",
        linear: bool = True,
        filtered: bool = True,
        classes: int = 10,
    ) -> None:
        late = 2 * width if late is None else late
        if min(width, t, late) < 1:
            raise ValueError(f"sizes are 1 or more, not {width}, {late} and t = {t}")
        if join not in JOINS:
            raise ValueError(f"join is one of {', '.join(JOINS)}, not {join!r}")
        super().__init__()
        plans = list(_plans(width, late, t))
        active = {"stem": nn.ReLU, "expand": nn.ReLU6}
        active |= {"filter": nn.ReLU6} if filtered else {}
        active |= {} if linear else {"project": nn.ReLU6}
        self.layers = nn.ModuleList(
            Layer(p, active[p.role]() if p.role in active else None, p.role == "project")
            for p in plans
        )
        self.head = Head(late, classes)
        self.joins = dict(joins(plans, JOINS[join]))

    def forward(self, x: Tensor) -> Tensor:
        kept: dict[int, Tensor] = {}
        for i, layer in enumerate(self.layers):
            x = layer(x, kept.pop(self.joins[i]) if i in self.joins else None)
            if i in self.joins.values():
                kept[i] = x
        return self.head(x)


def _plans(width: int, late: int, t: int) -> Iterator[Plan]:
    yield Plan("stem", 1, STEM, 3, 2)
    N, sizes = STEM, [(width, 2)] + [(width, 1)] * (UNITS - 1) + [(late, 2)]
    for unit, (M, stride) in enumerate(sizes + [(late, 1)] * (UNITS - 1)):
        hidden = t * N if unit else N
        if unit:
            yield Plan("expand", N, hidden)
        yield Plan("filter", hidden, hidden, 3, stride)
        yield Plan("project", hidden, M)
        N = M


def joins(plans: list[Plan], role: str | None) -> Iterator[tuple[int, int]]:
    """Pairs of layers, a target and its source: each of a role with the one before it.

    Only where both put out the same shape: as many channels, and no stride after the source.
    """
    places = [i for i, plan in enumerate(plans) if plan.role == role]
    for source, target in pairwise(places):
        between = plans[source + 1 : target + 1]
        if plans[source].M == plans[target].M and all(plan.stride == 1 for plan in between):
            yield target, source


def wirings(width: int, seed: int) -> dict[str, Chain]:
    """A `Chain` for each of `JOINS`, all from the same state of torch's generator.

    Args:
        width: channels at 7 x 7.
        seed: of the weights.
    """
    nets = {}
    for join in JOINS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            nets[join] = Chain(width, join=join)
    return nets
