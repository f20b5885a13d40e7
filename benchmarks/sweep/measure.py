"""The row of one network."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.sweep import counting, figures, networks
from benchmarks.sweep.counting import Counted, one_line
from lwsurvey import cost

NO_META = "its constructor needs values, and cannot run on meta"


def measure(library: str, name: str) -> dict[str, Any]:
    """Count one network and compare it with PyTorch's counter and with published figures.

    Returns:
        Plain JSON values: those of `columns.COLUMNS` that apply, and under ``published`` a list
        with those of `columns.PUBLISHED`. A network that cannot be counted has an ``error``.
    """
    start = time.process_time()
    row: dict[str, Any] = {"library": library, "name": name}
    try:
        counted, reason = _counted(library, name)
    except Exception as error:  # kept in the table, as the reason
        return row | {"error": one_line(error), "seconds": _since(start)}
    row |= _ours(counted, reason)
    seconds = _since(start)
    row |= _pytorchs(counted, reason)
    row["published"] = figures.compared(library, name, counted)
    return row | {"seconds": seconds}


def _since(start: float) -> float:
    return round(time.process_time() - start, 2)


def _counted(library: str, name: str) -> tuple[Counted, str]:
    """On ``meta``; if that fails, on the processor, and why it failed."""
    try:
        return counting.ours(networks.network(library, name)), ""
    except cost.CostError as error:
        return counting.ours(networks.network(library, name, "cpu")), one_line(error)


def _ours(counted: Counted, reason: str) -> dict[str, Any]:
    network, profile = counted.network, counted.profile
    sizes = {name: p.numel() for name, p in network.module.named_parameters()}
    return {
        "input": networks.written(network.inputs),
        "macs": profile.macs,
        "parameters": profile.parameters,
        "parameters_read": int(profile.layers.parameters.sum()),
        "parameters_unused": sum(sizes[name] for name in profile.unused),
        "parameters_torch": sum(sizes.values()),
        "activations": profile.activations,
        "memory_access": profile.memory_access,
        "peak_activations": profile.peak_activations,
        "uncounted": "; ".join(f"{name} {n}" for name, n in sorted(profile.uncounted.items())),
        "changed": counted.changed,
        "made": network.made,
        "device": network.device,
        "reads_values": reason,
    }


def _pytorchs(counted: Counted, reason: str) -> dict[str, Any]:
    """PyTorch's count, and the first thing that keeps it from counting the network as it comes."""
    network = counted.network
    known = reason or (NO_META if network.made != network.device else "")
    try:
        macs, trouble = counting.pytorchs(network)
    except Exception as error:  # of PyTorch's counter; kept in the table
        return {"trouble_torch": "; then ".join(filter(None, (known, one_line(error))))}
    difference = counting.differences(counted.watched.by_operator, macs)
    return {
        "macs_torch": sum(macs.values()),
        "difference": difference,
        "trouble_torch": known or trouble,
    }
