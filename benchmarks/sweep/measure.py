"""The row of one network, and the rows of many, which cannot take each other along."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import as_completed
from multiprocessing import get_context
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from benchmarks.sweep import counting, networks, published
from benchmarks.sweep.counting import Counted, one_line
from lwsurvey import cost

Job = tuple[str, str]  # library, name
Row = dict[str, Any]
NO_META = "its constructor needs values, and cannot run on meta"


def measure_all(
    jobs: Iterable[Job], processes: int, timeout: float, measure: Callable[[str, str], Row]
) -> Iterator[Row]:
    """Rows in the order in which they are finished, each made in another process.

    A process that ends (killed for its memory, say) or takes longer than ``timeout`` seconds
    for one network gives a row with an ``error``, and a new one takes its place.

    Args:
        jobs: library and name of the networks.
        processes: number of networks that are counted at a time.
        timeout: seconds for one network.
        measure: makes a row; a function of a module.

    Raises:
        BrokenProcessPool: the processes do not even start.
    """
    with ProcessPool(processes, context=get_context("spawn")) as pool:
        try:
            futures = {pool.schedule(measure, args=job, timeout=timeout): job for job in jobs}
            for future in as_completed(futures):
                yield _row(future, *futures[future], timeout)
        finally:
            pool.stop()  # if the sweep is stopped, nothing that waits is begun


def _row(future: ProcessFuture, library: str, name: str, timeout: float) -> Row:
    try:
        return future.result()
    except TimeoutError:
        error = f"took longer than {timeout:g} s"
    except ProcessExpired as ended:
        error = f"the process that counted it ended with code {ended.exitcode}"
    return {"library": library, "name": name, "error": error}


def measure(library: str, name: str) -> Row:
    """Count one network and compare it with PyTorch's counter and with published figures.

    Returns:
        Plain JSON values: those of the chapter's `COLUMNS` that apply, and under ``published`` a
        list with those of its `PUBLISHED`. A network that cannot be counted has an ``error``.
    """
    start = time.process_time()
    row: Row = {"library": library, "name": name}
    try:
        counted, reason = _counted(library, name)
    except Exception as error:  # kept in the table, as the reason
        return row | {"error": one_line(error), "seconds": _since(start)}
    row |= _ours(counted, reason)
    seconds = _since(start)
    row |= _pytorchs(counted, reason)
    row["published"] = published.compare(library, name, counted)
    return row | {"seconds": seconds}


def _since(start: float) -> float:
    return round(time.process_time() - start, 2)


def _counted(library: str, name: str) -> tuple[Counted, str]:
    """On ``meta``; if that fails, on the processor, and why it failed."""
    try:
        return counting.ours(networks.network(library, name)), ""
    except cost.CostError as error:
        return counting.ours(networks.network(library, name, "cpu")), one_line(error)


def _ours(counted: Counted, reason: str) -> Row:
    network, profile = counted.network, counted.profile
    sizes = {name: p.numel() for name, p in network.module.named_parameters()}
    return {
        "input": networks.format_shapes(network.inputs),
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


def _pytorchs(counted: Counted, reason: str) -> Row:
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
