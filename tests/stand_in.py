"""Stands for `benchmarks.sweep.measure` in the processes of a test."""

from __future__ import annotations

import os
import time


def measure(library: str, name: str) -> dict[str, object]:
    """A row, unless the name asks for the death of the process, or for a long time."""
    if name == "dies":
        os._exit(9)
    if name == "hangs":
        time.sleep(600)
    if name == "slow":
        time.sleep(1.5)
    return {"library": library, "name": name, "seconds": 0.0}
