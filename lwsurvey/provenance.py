"""What a result was computed with: hardware, versions, commit and date."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import torch

from lwsurvey import paths

PACKAGES = ("numpy", "scipy", "sympy", "timm", "torch", "torchvision")


@lru_cache
def provenance(device: str = "cuda", cluster: str | None = None) -> dict[str, object]:
    """Where and with what this process computes, as plain JSON values.

    Args:
        device: which GPU to name, such as ``cuda:1``; what is none of NVIDIA's or AMD's, such as
            ``cpu``, stands for the one that torch takes if nobody says which.
        cluster: other machines that it may send runs to, as `lwsurvey.parallel.machines` has them.
    """
    return {
        "processor": processor(),
        **accelerator(device),
        "cluster": cluster,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def accelerator(device: str = "cuda") -> dict[str, object]:
    """The GPU that this process can compute on, and what that runs with; None if there is none.

    With several, ``cuda:1`` is the second one, and ``cuda`` the one that torch takes.

    An empty ``CUDA_VISIBLE_DEVICES`` says that none is to be taken, Apple's neither: then
    nothing here touches one.
    """
    found = dict.fromkeys(("gpu", "gpu_memory", "cuda", "driver"))
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return found
    if torch.cuda.is_available():
        asked = device if device.startswith("cuda") else "cuda"
        memory = round(torch.cuda.get_device_properties(asked).total_memory / 2**30, 1)
        version = torch.version.cuda or torch.version.hip
        ours = (torch.cuda.get_device_name(asked), f"{memory} GiB", version, driver())
        return dict(zip(found, ours, strict=True))
    return found | ({"gpu": processor()} if torch.backends.mps.is_available() else {})


def driver() -> str | None:
    """Version of NVIDIA's driver, as its own tool gives it; None if that does not."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(result.stdout.split()), None)


def processor() -> str:
    """The name of the processor; of Apple's chips, which are processor and GPU, the chip's."""
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def commit() -> str:
    """The checkout's commit, or the installed package's; with a mark if its files differ."""
    if (pinned := paths.root() / paths.COMMIT).is_file():
        return pinned.read_text(encoding="utf-8").strip()
    command = ["git", "-C", str(paths.root()), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return result.stdout.strip()
