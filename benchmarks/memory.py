"""Peak memory of one call, by two measures that see different things."""

from __future__ import annotations

import ctypes
import gc
import sys
import tracemalloc
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks import networks
from benchmarks.tools import Call


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
