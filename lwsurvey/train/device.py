"""How a device computes while something is trained on it, and what it holds in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lwsurvey.schema import OUT_OF_MEMORY
from lwsurvey.train.errors import TrainMemoryError


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
