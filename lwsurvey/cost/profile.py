"""The cost counter: what any network costs, layer by layer."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import nn

from lwsurvey.cost import dataflow, table
from lwsurvey.cost.conventions import PAPERS, Conventions
from lwsurvey.cost.inputs import CostError, Inputs, arguments, check_module, describe, forward_error
from lwsurvey.cost.shadow import Shadow
from lwsurvey.cost.trace import Tracer, tensors_of


@dataclass(frozen=True)
class Profile:
    """What one forward pass of a network costs. Numbers are for the whole input.

    Attributes:
        layers: one row for each call of a layer, in order of execution: ``name`` (dotted
            path), ``kind`` (class), ``macs``, ``parameters`` (those that it reads first),
            ``activations`` (elements that its convolutions and matrix products write),
            ``read`` and ``written`` (elements, all operators but views; weights are read),
            ``memory_access`` (their sum), ``output`` (shape), ``receptive_field`` (input
            pixels along each side, where kernels and strides define it). Where a layer has
            exactly one convolution or linear map: ``N``, ``M``, ``kernel``, ``G``, ``stride``
            and ``map`` (sides of its output map).
        macs: multiply-accumulates, by the conventions.
        parameters: elements of all parameters, each once, as PyTorch counts them.
        activations: elements written by convolutions and matrix products.
        memory_access: elements read and written (ShuffleNet V2's MAC; Ma et al. 2018,
            equation 1, for every operator).
        peak_activations: the most elements alive at one time in a sequential run; see
            `lwsurvey.cost.dataflow.peak`.
        uncounted: operators that are not known, with the number of their calls.
        unused: parameters that the forward pass never reads, such as auxiliary heads.
        conventions: what was counted as a MAC.
    """

    layers: pd.DataFrame
    macs: int
    parameters: int
    activations: int
    memory_access: int
    peak_activations: int
    uncounted: dict[str, int]
    unused: list[str]
    conventions: Conventions = field(repr=False)

    def by(self, what: str) -> pd.DataFrame:
        """The table added up by ``layer``, ``type`` or ``stage``; see `table.totals`."""
        return table.totals(self.layers, what)

    def bytes(self, dtype: torch.dtype = torch.float32) -> int:
        """Memory access in bytes, all elements being of one type."""
        return self.memory_access * dtype.itemsize

    def peak_bytes(self, dtype: torch.dtype = torch.float32) -> int:
        """Peak activation memory in bytes, all elements being of one type."""
        return self.peak_activations * dtype.itemsize


def profile(
    module: nn.Module,
    inputs: Inputs,
    *,
    conventions: Conventions = PAPERS,
    device: str | torch.device = "meta",
) -> Profile:
    """Count what one forward pass in evaluation mode costs.

    The module is not run, but a twin of it on the ``meta`` device: nothing is computed,
    no memory is taken, and module, global state and random numbers stay as they are.

    Args:
        module: any module.
        inputs: a shape such as ``(1, 3, 224, 224)``, a tensor, or a sequence or a mapping of
            these if the forward pass takes several.
        conventions: what counts as a MAC; `lwsurvey.cost.conventions` has those of papers and
            of other counters.
        device: ``cpu`` really computes (on inputs of ones), which a forward pass needs that
            branches on data; its count is then that of this input, and all activations stay
            in memory until it is done.

    Raises:
        CostError: module or inputs cannot be counted; the message names the layer.

    Warns:
        UserWarning: some operators are not known; they are in ``uncounted``.
    """
    module, device = check_module(module), torch.device(device)
    if device.type != "meta" and any(p.is_meta for p in module.parameters()):
        raise CostError("the module's parameters are on meta, without values: use device='meta'")
    args, kwargs = arguments(module, inputs, device)
    shadow = Shadow(module, device)
    tracer = Tracer(shadow)
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad(), _no_fast_path(), tracer:
            out = shadow.module(*args, **kwargs)
    except Exception as error:
        raise forward_error(tracer.failure, describe((args, kwargs)), error) from error
    return _profile(module, shadow, tracer, tensors_of((args, kwargs)), out, conventions)


_LOCK = threading.RLock()


@contextlib.contextmanager
def _no_fast_path() -> Iterator[None]:
    """Without attention's fast path: one opaque operator, which would hide the products."""
    with _LOCK:
        before = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(before)


def _profile(
    module: nn.Module, shadow: Shadow, tracer: Tracer, inputs: list, out: Any, rules: Conventions
) -> Profile:
    tally = table.Tally(tracer, shadow.parameters, inputs, rules)
    if tally.unknown:
        named = ", ".join(f"{name} ({n})" for name, n in tally.unknown.items())
        warnings.warn(f"not counted, number of calls in brackets: {named}", stacklevel=3)
    rows = [row for row in tally.rows if row["read"] or row["written"] or row["parameters"]]
    return Profile(
        layers=table.frame(rows),
        macs=sum(row["macs"] for row in rows),
        parameters=sum(p.numel() for p in module.parameters()),
        activations=sum(row["activations"] for row in rows),
        memory_access=sum(row["read"] + row["written"] for row in rows),
        peak_activations=dataflow.peak(tracer.ops, inputs, tensors_of(out), shadow.fixed),
        uncounted=dict(tally.unknown),
        unused=_unused(shadow, tally.touched),
        conventions=rules,
    )


def _unused(shadow: Shadow, touched: set[int]) -> list[str]:
    if len(touched) == len(shadow.parameters):
        return []
    named = shadow.module.named_parameters()
    return [name for name, twin in named if id(twin) not in touched]
