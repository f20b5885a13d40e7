"""Time per call, interleaved with bare forward passes.

Each round takes the networks in a new random order, and for each network all contestants and the
bare forward passes in a new random order, one directly after the other, so that a drift of the
machine meets them alike. A contestant is compared with the bare pass of the same network, device
and round.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks import networks
from benchmarks.tools import FLOOR, Call, Tool

SELDOM = {"cpu": 3}  # real forward passes take long: they are in every third round only
NOTHING, TOTAL, BOTH = "nothing", "total", "total and layers"
Inputs = dict[str, tuple[nn.Module, Tensor]]  # of one network, by device


@dataclass(frozen=True)
class Contestant:
    """What is timed: a tool (or the floor), what the call returns, and a device."""

    tool: str
    form: str
    device: str
    call: Call


def contestants(tools: list[Tool]) -> list[Contestant]:
    """Each tool in each form on each of its devices, and the floor of each device."""
    field = [
        Contestant(tool.name, form, device, call)
        for tool in tools
        for device in tool.devices
        for form, call in _forms(tool).items()
    ]
    devices = dict.fromkeys(contestant.device for contestant in field)
    return [Contestant(FLOOR.name, NOTHING, d, FLOOR.count) for d in devices] + field


def _forms(tool: Tool) -> dict[str, Call]:
    return {TOTAL: tool.count, BOTH: tool.table} if tool.table else {BOTH: tool.count}


@dataclass(frozen=True)
class Sample:
    """One call: seconds by the clock, and of this process's processor time."""

    contestant: Contestant
    network: str
    round: int
    seconds: float
    processor: float


def measure(
    field: list[Contestant],
    names: list[str],
    rounds: int,
    *,
    skip: set[tuple[str, str]] = frozenset(),
    seed: int = 0,
    after: Callable[[], None] = lambda: None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Sample]:
    """Time all contestants on all networks.

    Args:
        field: who is timed, the floor of each of their devices among them.
        names: of `networks.NETWORKS`.
        rounds: how many are kept; one more goes before them and warms up. On the devices in
            `SELDOM` fewer.
        skip: pairs of tool and network that fail, and are not tried.
        seed: of the orders.
        after: called after each call, untimed.
        progress: called with the number of each round that is over.

    Raises:
        ValueError: a device without its floor.
    """
    devices = {contestant.device for contestant in field}
    if missing := devices - {c.device for c in field if c.tool == FLOOR.name}:
        raise ValueError(f"no bare forward pass on {', '.join(missing)}")
    inputs = {name: {d: networks.build(name, d) for d in devices} for name in names}
    order, samples = random.Random(seed), []
    gc.collect()
    gc.freeze()  # the networks stay; without them a collection before each call is quick
    for turn in range(rounds + 1):
        for name in order.sample(names, len(names)):
            for one in order.sample(field, len(field)):
                if turn % SELDOM.get(one.device, 1) == 0 and (one.tool, name) not in skip:
                    seconds, processor = _timed(one.call, *inputs[name][one.device])
                    samples.append(Sample(one, name, turn, seconds, processor))
                    after()
        progress(turn)
    gc.unfreeze()
    return [sample for sample in samples if sample.round]


def _timed(call: Call, model: nn.Module, x: Tensor) -> tuple[float, float]:
    """Only the call is timed: without gradients, without collections of garbage."""
    model = networks.fresh(model)
    gc.collect()
    gc.disable()
    try:
        with torch.no_grad():
            processor, start = time.process_time(), time.perf_counter()
            call(model, x)
            return time.perf_counter() - start, time.process_time() - processor
    finally:
        gc.enable()
