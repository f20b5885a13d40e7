"""The counters that are compared, each called as its own documentation does it.

A counter is imported when it is first called, so that this module needs none of them.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from lwsurvey import cost
from lwsurvey.cost.conventions import CONVENTIONS, Conventions

Call = Callable[[nn.Module, Tensor], Any]


@dataclass(frozen=True)
class Tool:
    """One way to count.

    Attributes:
        name: for tables.
        package: distribution whose version is recorded.
        count: from network and input to the total, in the tool's own unit.
        unit: what it counts for one MAC.
        conventions: ours that should give the same total; None if there are none.
        devices: where it is timed.
        counted_on: where its total is taken; on another device it is wrong, or fails.
        table: the same call with the table by layer, where that takes a call of its own.
        layers: what its table by layer is.
    """

    name: str
    package: str
    count: Call
    conventions: Conventions | None
    unit: int = 1
    devices: tuple[str, ...] = ("meta",)
    counted_on: str = "meta"
    table: Call | None = None
    layers: str = "in the same call"

    def macs(self, total: Any) -> int | float:
        """The total as MACs, whole where it is whole.

        Raises:
            ValueError: the tool returned no number.
        """
        if total is None:
            raise ValueError(f"{self.name} returned None instead of a count")
        macs = total / self.unit
        return int(macs) if float(macs).is_integer() else float(macs)


def forward(model: nn.Module, x: Tensor) -> None:
    """The floor: the forward pass that each tool makes."""
    with torch.no_grad():
        model(x)


FLOOR = Tool("forward", "torch", forward, None, devices=("meta", "cpu"))


def tidy() -> None:
    """Empty torchinfo's cache, which would keep every model in memory."""
    if "torchinfo" in sys.modules:
        sys.modules["torchinfo"].torchinfo.clear_cached_forward_pass()


def _ours(model: nn.Module, x: Tensor) -> int:
    return cost.profile(model, x, device=x.device).macs


def _torch(model: nn.Module, x: Tensor) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    counter.get_flop_counts()
    return counter.get_total_flops()


def _fvcore(model: nn.Module, x: Tensor) -> float:
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(model, x)
    analysis.by_module()
    return analysis.total()


def _ptflops(backend: str, table: bool) -> Call:
    def call(model: nn.Module, x: Tensor) -> int | None:
        from ptflops import get_model_complexity_info

        macs, _ = get_model_complexity_info(
            model, tuple(x.shape[1:]), as_strings=False, backend=backend, ost=io.StringIO(),
            print_per_layer_stat=table, input_constructor=lambda _: x,
        )  # fmt: skip
        return macs

    return call


def _thop(table: bool) -> Call:
    def call(model: nn.Module, x: Tensor) -> float:
        from thop import profile

        return profile(model, inputs=(x,), verbose=False, ret_layer_info=table)[0]

    return call


def _torchinfo(model: nn.Module, x: Tensor) -> int:
    from torchinfo import summary

    return summary(model, input_data=x, verbose=0).total_mult_adds


def _calflops(table: bool) -> Call:
    def call(model: nn.Module, x: Tensor) -> float:
        from calflops import calculate_flops

        with redirect_stdout(io.StringIO()):
            return calculate_flops(model, args=[x], print_results=table, output_as_string=False)[1]

    return call


_PRINTED = "text only, printed by a call of its own"
# Where attention runs on meta, it is made of products, and counters of operators see them.
_ATEN = replace(CONVENTIONS["ptflops-aten"], fused_attention=True)
OURS = "lwsurvey"
TOOLS = {
    tool.name: tool
    for tool in (
        Tool(OURS, "lwsurvey", _ours, cost.PAPERS, devices=FLOOR.devices),
        Tool("torch", "torch", _torch, CONVENTIONS["torch"], unit=2),
        Tool("fvcore", "fvcore", _fvcore, CONVENTIONS["fvcore"], devices=("cpu",),
             counted_on="cpu"),
        Tool("ptflops", "ptflops", _ptflops("pytorch", False), CONVENTIONS["ptflops"],
             devices=FLOOR.devices, counted_on="cpu", table=_ptflops("pytorch", True),
             layers=_PRINTED),
        Tool("ptflops-aten", "ptflops", _ptflops("aten", False), _ATEN,
             table=_ptflops("aten", True), layers="text, modules below the root only"),
        Tool("thop", "thop", _thop(False), CONVENTIONS["thop"], table=_thop(True),
             layers="nested dictionaries, on request"),
        Tool("torchinfo", "torchinfo", _torchinfo, None),
        Tool("calflops", "calflops", _calflops(False), CONVENTIONS["calflops"],
             table=_calflops(True), layers=_PRINTED),
    )
}  # fmt: skip
