"""Where a training runs: its device, exact arithmetic there, seeded generators, full memory."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from torch.backends import mps

from lwsurvey.schema import OUT_OF_MEMORY

# PyTorch's generators and its number of threads belong to the process: runs in threads of one
# process, as some of joblib's backends start them, wait here for each other.
_ALONE = threading.RLock()


class TrainError(RuntimeError):
    """A training that cannot begin, or that diverged; the message names the variant and the seed.

    Attributes:
        finished: rows of the runs that did finish, where `repeat` raised this.
    """

    def __init__(self, message: str, finished: pd.DataFrame | None = None) -> None:
        super().__init__(message)
        self.finished = finished


class TrainMemoryError(TrainError):
    """The memory of a GPU ran out; the message names variant, seed, device and batch."""


def find_device(name: str | torch.device) -> torch.device:
    """The device of a name; TrainError unless PyTorch can compute there."""
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = {"cpu": 1, "cuda": cuda, "mps": int(mps.is_available())}
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or (device.index or 0) >= found.get(device.type, 0):
        usable = ", ".join(kind for kind, count in found.items() if count)
        raise TrainError(f"PyTorch has no device {str(name)!r} here; usable: {usable}")
    return device


def check_bfloat16(device: torch.device) -> None:
    """Raise TrainError unless a device computes in bfloat16 by itself."""
    if device.type == "cuda":
        # PyTorch's own question counts emulation by default, which is slower than 32 bits.
        able = bool(torch.version.hip) or torch.cuda.get_device_capability(device)[0] >= 8
    else:
        able = device.type == "cpu" or mps.is_macos_or_newer(14, 0)
    if not able:
        raise TrainError(
            f"{device} does not compute in bfloat16, which NVIDIA's GPUs do from Ampere (2020) on "
            "and Apple's from macOS 14 on: leave mixed precision off (amp = False)"
        )


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Python's, NumPy's and PyTorch's global generators begin at ``seed``; put back after.

    One at a time in a process.
    """
    kind = device.type if device.type != "cpu" else "cuda"
    devices = [device] if device.type != "cpu" else []
    with _ALONE, torch.random.fork_rng(devices, device_type=kind):
        python, array = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(array)


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """On a CPU one thread: the order of sums, and so the bits, depend on their number."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """On a GPU of NVIDIA or AMD: whole 32-bit numbers, and the same algorithms each time.

    cuDNN multiplies with 10 bits of mantissa (TF32) unless it is told not to, which a CPU never
    does; and it picks algorithms by how long they took a moment ago, or such as add in
    whatever order. All three are off here, so that what differs between devices is the order
    of sums alone. A GPU may still add in another order in what is not a convolution: its runs are
    alike, and equal to the bit only where cuDNN and cuBLAS promise that. What was set before
    is put back.
    """
    if device.type != "cuda":
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    kept = [
        (matmul, "fp32_precision", matmul.fp32_precision),
        (cudnn.conv, "fp32_precision", cudnn.conv.fp32_precision),
        (cudnn, "benchmark", cudnn.benchmark),
        (cudnn, "deterministic", cudnn.deterministic),
    ]
    try:
        for (place, name, _), value in zip(kept, ("ieee", "ieee", False, True), strict=True):
            setattr(place, name, value)
        yield
    finally:
        for place, name, value in kept:
            setattr(place, name, value)


@contextmanager
def within_memory(device: torch.device, name: str, batch: int) -> Iterator[None]:
    """Say in words that a device's memory ran out, and hand back what is not in use.

    PyTorch keeps what it has once taken, also from other processes that train on the same GPU.

    Raises:
        TrainMemoryError: the memory of a GPU ran out.
    """
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if not out_of_memory(error):
            raise
        reason = str(error).splitlines()[0]
        raise TrainMemoryError(
            f"{name}: out of memory on {device} with batch {batch}: {reason}"
        ) from error
    finally:
        _hand_back(device)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether the memory of a GPU ran out."""
    said = any(text in str(error) for text in OUT_OF_MEMORY)
    return said or isinstance(error, torch.OutOfMemoryError)


def _hand_back(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
