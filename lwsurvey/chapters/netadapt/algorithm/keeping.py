"""The state of a run on disk, so that it goes on where it was killed."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lwsurvey import store
from lwsurvey.search import SearchError

INPUTS = "run.json"


class Keep:
    """A folder with a file for each step, and for each finished proposal of the present one.

    Args:
        folder: made if it is not there; nothing is kept without one.
        inputs: all that the run depends on.

    Raises:
        SearchError: the folder holds another run, or cannot be used.
    """

    def __init__(self, folder: str | Path | None, inputs: Mapping[str, object]) -> None:
        self._folder = Path(folder) if folder else None
        if self._folder:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SearchError(f"no run can be kept in {self._folder}: {error}") from error
            self._claim(json.loads(json.dumps(inputs)))

    def step(self, i: int) -> Path | None:
        """Where the state after step ``i`` is."""
        return self._folder and self._folder / f"step-{i:03}.pt"

    def choices(self, i: int) -> Path | None:
        """Where the numbers of filters of step ``i`` are."""
        return self._folder and self._folder / f"step-{i:03}-choices.pt"

    def proposal(self, i: int, k: int) -> Path | None:
        """Where proposal ``k`` of step ``i`` is."""
        return self._folder and self._folder / f"step-{i:03}-layer-{k:03}.pt"

    def finish(self, i: int, state: Mapping[str, object]) -> None:
        """Keep the state after a step, and drop what led to it."""
        if self._folder:
            put(self.step(i), state)
            for file in self._folder.glob(f"step-{i:03}-*"):
                file.unlink(missing_ok=True)

    def _claim(self, inputs: dict[str, object]) -> None:
        file = self._folder / INPUTS
        if not file.exists():
            store.write(file, json.dumps(inputs, indent=2))
            return
        try:
            there = dict(json.loads(file.read_text(encoding="utf-8")))
        except OSError as error:
            raise SearchError(f"{file} cannot be read: {error}") from error
        except (ValueError, TypeError) as error:
            raise _damaged(file, error) from error
        names = [name for name in inputs | there if inputs.get(name) != there.get(name)]
        if names:
            raise SearchError(f"{self._folder} keeps a run that differs in {', '.join(names)}; "
                              "give another folder, or empty this one")  # fmt: skip


def put(file: Path | None, content: Mapping[str, object]) -> None:
    """Write tensors and plain values in one step."""
    if file:
        torch.save(dict(content), found := io.BytesIO())
        store.write(file, found.getvalue())


def taken(file: Path | None) -> dict[str, Any] | None:
    """What `put` wrote, if it did.

    Raises:
        SearchError: the file is damaged.
    """
    if file is None or not file.exists():
        return None
    try:
        return torch.load(file, weights_only=True)
    except OSError as error:
        raise SearchError(f"{file} cannot be read: {error}") from error
    except Exception as error:  # torch.load raises whatever its unpickler does
        raise _damaged(file, error) from error


def digest(*tensors: Tensor) -> str:
    """Of the values and shapes of tensors."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(f"{tuple(tensor.shape)} {tensor.dtype}\0".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def described(network: nn.Module) -> str:
    """Of a network: how it is printed, and its weights."""
    printed = hashlib.sha256(str(network).encode()).hexdigest()[:16]
    return f"{printed} {digest(*network.state_dict().values())}"


def _damaged(file: Path, error: Exception) -> SearchError:
    return SearchError(f"{file} is damaged ({error!r}); delete it to make it again")
