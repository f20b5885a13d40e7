"""What is the same for all timing: the number of threads, and no garbage collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lwsurvey.latency.errors import LatencyError


@contextmanager
def threads(count: int) -> Iterator[None]:
    """PyTorch with so many threads on the host, and as many as before in the end.

    Raises:
        LatencyError: PyTorch does not take the number.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        if (got := torch.get_num_threads()) != count:
            raise LatencyError(f"PyTorch runs {got} threads although {count} were asked for")
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def no_collection() -> Iterator[None]:
    """Python does not look for garbage meanwhile."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
