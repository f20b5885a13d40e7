"""Finished runs on disk, so that an interrupted study goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lwsurvey import store
from lwsurvey.data import Split
from lwsurvey.train.check import check_network
from lwsurvey.train.seeding import one_thread, seeded

VERSION = 1
"""Raised when `fit` gives other results than before."""


class Store:
    """One small JSON file for each finished run.

    A file's name is a digest of all that the run depends on: the recipe, the images, PyTorch's
    version, the arm's name, the seed, and the network: as printed, its initial weights, and
    what it makes of two images, because two networks may be printed alike and compute
    different things.

    Args:
        folder: made if it is not there.
        split: the images.
        options: of `fit`.
    """

    def __init__(self, folder: Path, split: Split, options: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._split = folder, split
        digest = hashlib.sha256(json.dumps([VERSION, torch.__version__, dict(options)]).encode())
        for part in (split.train, split.validation, split.test):
            for tensor in (part.x, part.y):
                digest.update(tensor.cpu().numpy().tobytes())
        self._study = digest.hexdigest()

    def file(self, name: str, make: Callable[[], nn.Module], seed: int) -> Path:
        """Where a run is stored.

        Raises:
            TrainError: the network does not fit the images.
        """
        digest = hashlib.sha256(f"{self._study}\0{name}\0{seed}\0".encode())
        cpu = torch.device("cpu")
        with seeded(seed, cpu), one_thread(cpu), torch.no_grad():
            network = make()
            check_network(network, self._split, name)
            digest.update(network(self._split.train.x[:2].cpu()).numpy().tobytes())
        digest.update(str(network).encode())
        for key, tensor in network.state_dict().items():
            digest.update(key.encode() + tensor.cpu().numpy().tobytes())
        return self._folder / f"{digest.hexdigest()[:32]}.json"


def taken(file: Path) -> dict[str, Any] | None:
    """The row of a finished run, if there is one; half a file counts as none."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def put(file: Path, row: Mapping[str, Any]) -> None:
    """Store the row of a finished run in one step."""
    store.write(file, json.dumps(row))
