"""Everything about one tool but its time: totals, failures, memory, side effects.

Run as a process of its own, because some tools change PyTorch for good when they fail; it stops
at the first network that fails, and `examined` goes on with the others in a new process.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import subprocess
import sys
import tempfile
import tracemalloc
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import effects, networks
from benchmarks.tools import FLOOR, OURS, TOOLS, Call, Tool, tidy
from lwsurvey import cost, paths

# Real weights and maps of these are much larger than what Python itself takes.
LARGE = ("torchvision:vgg16", "torchvision:vit_b_16")


def examined(tool: str, names: list[str], timeout: float = 900) -> dict[str, Any]:
    """Examine a tool in other processes.

    Returns:
        ``networks``: a dictionary for each of them (``macs`` or ``failure``, ``python_bytes``,
        ``process_bytes``); ``after_success`` and ``after_failure``: lists of side effects.

    Raises:
        RuntimeError: a process ended without a result.
    """
    counted: dict[str, Any] = {}
    while True:
        left = [name for name in names if name not in counted]
        report = _in_a_process(tool, left, timeout)
        counted |= report.pop("networks")
        if report:  # side effects come last, when no network has failed before
            return {"networks": counted, **report}


def _in_a_process(tool: str, names: list[str], timeout: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        command = [sys.executable, "-m", "benchmarks.examine", tool, ",".join(names), str(out)]
        done = subprocess.run(
            command, cwd=paths.root(), capture_output=True, text=True, timeout=timeout
        )
        if done.returncode or not out.exists():
            raise RuntimeError(f"{' '.join(command[1:5])} failed:\n{done.stderr[-2000:]}")
        return json.loads(out.read_text())


def examine(tool: Tool, names: list[str]) -> dict[str, Any]:
    """Examine a tool in this process, up to the first network that fails."""
    report: dict[str, Any] = {"networks": {}}
    for name in names:
        row = report["networks"][name] = _network(tool, name)
        tidy()
        if "failure" in row:
            return report
    if tool is FLOOR:
        return {**report, "after_success": [], "after_failure": []}
    report["after_success"] = effects.left_by(tool.count)
    return {**report, "after_failure": effects.left_by(tool.count, broken=True)}


def _network(tool: Tool, name: str) -> dict[str, Any]:
    model, x = networks.build(name, tool.counted_on)
    try:
        total = tool.count(networks.fresh(model), x)
        row = {} if tool is FLOOR else {"macs": tool.macs(total)}
    except Exception as error:  # that it fails, and how, is a result
        reason = " ".join(str(error).split())
        return {"failure": f"{type(error).__name__}: {reason[:200]}"}
    if tool.devices[0] != tool.counted_on:
        model, x = networks.build(name, tool.devices[0])
    row["python_bytes"] = python_peak(tool.count, model, x)
    tidy()
    if name in LARGE:
        real = (model, x) if x.device.type == "cpu" else networks.build(name, "cpu")
        row["process_bytes"] = process_growth(_as_used(tool), *real)
    return row


def _as_used(tool: Tool) -> Call:
    """The call on a real network; ours counts that on meta unless told otherwise."""
    return cost.profile if tool.name == OURS else tool.count


def python_peak(call: Call, model: nn.Module, x: Tensor) -> int:
    """Bytes of Python objects at the worst moment of a call (not the data of tensors)."""
    model = networks.fresh(model)
    gc.collect()
    tracemalloc.start()
    try:
        with torch.no_grad():
            call(model, x)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def process_growth(call: Call, model: nn.Module, x: Tensor) -> int | None:
    """Bytes by which the process grows at the worst moment of a call: tensors and all else.

    The kernel's own high-water mark, set back before the call, after the C library has handed
    back what it holds free. None where there is no such mark (not Linux with glibc).
    """
    if not sys.platform.startswith("linux"):
        return None
    model = networks.fresh(model)
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (AttributeError, OSError):
        return None
    before = _status("VmRSS")
    with torch.no_grad():
        call(model, x)
    return max(0, _status("VmHWM") - before)


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {key}")


def main(tool: str, names: str, out: str) -> None:
    """The process: a report as JSON into the file ``out``."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    known = {**TOOLS, FLOOR.name: FLOOR}
    with redirect_stdout(sys.stderr):
        report = examine(known[tool], [name for name in names.split(",") if name])
    Path(out).write_text(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
