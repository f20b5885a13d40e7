"""The same random numbers each time, and nobody else's disturbed."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

# PyTorch's generators and its number of threads belong to the process: runs in threads of one
# process, as some of joblib's backends start them, wait here for each other.
_ALONE = threading.RLock()


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
