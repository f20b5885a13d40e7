"""What has to be known about a device to time work on it."""

from __future__ import annotations

import math
import time
from typing import Any, Protocol, runtime_checkable

import psutil
import torch

# Time in which a core does nothing, and time that Linux counts twice.
_NOT_BUSY = frozenset({"idle", "iowait", "guest", "guest_nice"})


@runtime_checkable
class Device(Protocol):
    """A clock beside the work.

    `mark` is put between pieces of work, and its time may be asked for only after
    `synchronize`: on a GPU a call returns long before its work is done.

    Attributes:
        name: such as "cpu" or "cuda:0".
        on_host: whether the work itself runs on the cores of the host.
    """

    name: str
    on_host: bool

    def now(self) -> float:
        """Seconds on the host's clock, for the budget."""

    def mark(self) -> Any:
        """A point in time behind all work that was given to the device so far."""

    def synchronize(self) -> None:
        """Return when all work that was given to the device is done."""

    def seconds(self, start: Any, end: Any) -> float:
        """Seconds between two marks; only after `synchronize`."""

    def own(self, start: Any, end: Any) -> float:
        """Seconds that this thread computed between two marks; NaN if that has no meaning."""

    def others(self) -> float:
        """Seconds of all cores that went to other processes so far; NaN if not known."""


class Host:
    """What all devices share: the host's clock, and who else uses the host."""

    def now(self) -> float:
        return time.perf_counter()

    def others(self) -> float:
        spent = psutil.cpu_times()._asdict()
        busy = sum(seconds for kind, seconds in spent.items() if kind not in _NOT_BUSY)
        return busy - time.process_time()


class Cpu(Host):
    """Calls return when their work is done."""

    name = "cpu"
    on_host = True

    def mark(self) -> tuple[float, float]:
        return time.perf_counter(), time.thread_time()

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def seconds(self, start: tuple[float, float], end: tuple[float, float]) -> float:
        return end[0] - start[0]

    def own(self, start: tuple[float, float], end: tuple[float, float]) -> float:
        return end[1] - start[1]


class _Accelerator(Host):
    """Calls return at once; events in the stream of work carry the times."""

    on_host = False

    def seconds(self, start: Any, end: Any) -> float:
        return start.elapsed_time(end) / 1e3

    def own(self, start: Any, end: Any) -> float:
        return math.nan


class Cuda(_Accelerator):
    """A GPU of NVIDIA or AMD, timed by events."""

    def __init__(self, index: int) -> None:
        self.name, self._index = f"cuda:{index}", index

    def mark(self) -> Any:
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._index))
        return event

    def synchronize(self) -> None:
        torch.cuda.synchronize(self._index)


class Mps(_Accelerator):
    """A GPU of Apple, timed by events."""

    name = "mps"

    def mark(self) -> Any:
        event = torch.mps.event.Event(enable_timing=True)
        event.record()
        return event

    def synchronize(self) -> None:
        torch.mps.synchronize()


def find(device: str | torch.device | Device) -> Device:
    """The device of a name, such as "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        ValueError: no such kind of device, or none on this machine.
    """
    if not isinstance(device, str | torch.device):
        if isinstance(device, Device):
            return device
        raise ValueError(f"expected the name of a device, got {type(device).__name__}")
    try:
        wanted = torch.device(device)
    except RuntimeError:
        raise ValueError(f"unknown device {device!r}: take cpu, cuda or mps") from None
    return _real(wanted)


def _real(wanted: torch.device) -> Device:
    if wanted.type == "cpu":
        return Cpu()
    if wanted.type == "mps":
        if not torch.backends.mps.is_available():
            raise ValueError("device 'mps': PyTorch sees no GPU of Apple on this machine")
        return Mps()
    if wanted.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        index = wanted.index or 0
        if index >= count:
            raise ValueError(f"device '{wanted}': PyTorch sees {count} CUDA devices here")
        return Cuda(index)
    raise ValueError(f"device '{wanted}' cannot be timed: take cpu, cuda or mps")
