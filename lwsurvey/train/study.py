"""The same experiment over several seeds and variants, resumed where it was interrupted."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from lwsurvey import parallel
from lwsurvey.data import Images, Split
from lwsurvey.store import Records, StoreError
from lwsurvey.train.device import TrainError, TrainMemoryError, one_thread, seeded
from lwsurvey.train.fitting import Fit, Make, check_network, fit
from lwsurvey.train.recipe import Recipe

VERSION = 1
"""Raised when `fit` gives other results than before."""
COLUMNS = ("variant", "seed", "validation", "test", "loss", "seconds")
LOG = 15.0
"""Seconds between two lines of progress where nobody watches."""

Row = dict[str, Any]
Arrays = list[tuple[NDArray[np.float32], NDArray[np.int64]]]
Examine = Callable[[Fit, Split], Mapping[str, float]]
"""What is found in a trained network, by column, besides its accuracy."""


def repeat(
    variants: Mapping[str, Make],
    split: Split,
    *,
    seeds: int | Sequence[int] = 5,
    epochs: int = Recipe.epochs,
    batch: int = Recipe.batch,
    lr: float = Recipe.lr,
    weight_decay: float = Recipe.weight_decay,
    jobs: int | None = None,
    device: str = "cpu",
    amp: bool = False,
    channels_last: bool = True,
    keep: str | Path | None = None,
    examine: Examine | None = None,
) -> pd.DataFrame:
    """`fit` each variant with each seed, in parallel if asked, and give every result.

    The runs go through joblib, or to a Dask cluster if there is one (see `lwsurvey.parallel`).
    The result does not depend on where and how many at a time they run. A backend chosen by
    ``joblib.parallel_config`` around the call must give results one by one, as joblib's own
    "loky" and "threading" and Dask's do.

    Args:
        variants: what makes each network, by name.
        split: as `fit`.
        seeds: how many, 0, 1, 2 and so on; or which.
        epochs: as `fit`, and so ``batch``, ``lr``, ``weight_decay``, ``device``, ``amp`` and
            ``channels_last``.
        jobs: processes; what `joblib.parallel_config` says, or 1, if not given. A cluster uses
            all that it has.
        keep: folder in which finished runs are stored, so that an interrupted study goes on
            where it was. A run is taken from there if recipe, images and network are the same
            (see `Kept`).
        examine: called after each training, where it ran, with the `Fit` and the split on the
            CPU; what it returns becomes further columns of the run's row.

    Returns:
        Columns ``variant``, ``seed``, ``validation`` and ``test`` (accuracies, per cent), ``loss``
        (training, last epoch) and ``seconds``, and those of ``examine``, NaN where it gave none;
        variants and seeds in the given order.

    Raises:
        TrainError: some runs failed; it names them, and has the others as ``finished``.
        TrainMemoryError: the memory of the GPU ran out in one; it too has ``finished``.
        ValueError: no variant or no seed, a seed twice, or ``keep`` together with ``examine``.
    """
    numbers = _numbers(seeds)
    if not variants:
        raise ValueError("there is no variant to train")
    if keep and examine:
        raise ValueError("what examine finds cannot be kept: leave out one of the two")
    options = dict(
        epochs=epochs, batch=batch, lr=lr, weight_decay=weight_decay, device=device, amp=amp,
        channels_last=channels_last,
    )  # fmt: skip
    Recipe(epochs, batch, lr, weight_decay=weight_decay)
    kept = Kept(Path(keep), split, options) if keep else None
    tasks = [(name, make, seed) for name, make in variants.items() for seed in numbers]
    rows: list[Row] = []
    failures: list[str] = []
    try:
        for row in _results(tasks, split, options, kept, examine, jobs):
            (rows if isinstance(row, dict) else failures).append(row)
    except TrainMemoryError as error:
        error.finished = _frame(rows)
        raise
    except Exception as error:  # such as a lost worker, or a network's own
        raise TrainError(f"the study ended after {len(rows)} of {len(tasks)} runs: {error!r}",
                         _frame(rows)) from error  # fmt: skip
    if failures:
        raise TrainError("; ".join(dict.fromkeys(failures)), _frame(rows))
    return _frame(rows)


def _frame(rows: list[Row]) -> pd.DataFrame:
    columns = dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)])
    return pd.DataFrame(rows, columns=list(columns))


def _results(
    tasks: list[tuple[str, Make, int]], split: Split, options: dict[str, Any],
    kept: Kept | None, examine: Examine | None, jobs: int | None,
) -> Iterator[Row | str]:  # fmt: skip
    """Rows, or what went wrong, in the order of the tasks."""
    keys = [kept.key(*task) if kept else "" for task in tasks]
    there = [kept.row(key) if kept else None for key in keys]
    todo = [(*task, key) for task, key, row in zip(tasks, keys, there, strict=True) if row is None]
    records, arrays = kept and kept.records, _arrays(split)
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    # A plain bar, no widget: the book drops from a page what redraws its line.
    with tqdm(total=len(tasks), initial=len(tasks) - len(todo), unit="run", leave=False,
              mininterval=0.5 if watched else LOG) as bar:  # fmt: skip

        def finished(place: int, row: Row | str) -> None:
            bar.update()
            key = todo[place][-1]
            if records and isinstance(row, dict) and not records.path(key).exists():
                records.put(key, row)  # the worker of a cluster may have another disk

        calls = [(*task, records, arrays, options, examine) for task in todo]
        made = parallel.spread(_run, calls, jobs, finished)
        for row in there:
            yield next(made) if row is None else row


def _run(
    name: str, make: Make, seed: int, key: str, records: Records | None, arrays: Arrays,
    options: dict[str, Any], examine: Examine | None,
) -> Row | str:  # fmt: skip
    """One run; a failure is given as words, so that it does not stop the others.

    Memory that ran out does: the others need as much.
    """
    split = Split(*(Images(_tensor(x), _tensor(y)) for x, y in arrays))
    try:
        fitted = fit(make, split, seed=seed, name=name, **options)
    except TrainMemoryError:
        raise
    except TrainError as error:
        return str(error)
    values = (name, seed, fitted.validation, fitted.test, fitted.losses[-1], fitted.seconds)
    row = dict(zip(COLUMNS, values, strict=True)) | dict(examine(fitted, split) if examine else {})
    if records and records.folder.is_dir():
        records.put(key, row)
    return row


def _arrays(split: Split) -> Arrays:
    """As arrays, which joblib shares among its processes instead of copying them."""
    parts = split.train, split.validation, split.test
    return [(part.x.cpu().numpy(), part.y.cpu().numpy()) for part in parts]


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _numbers(seeds: int | Sequence[int]) -> list[int]:
    numbers = list(range(seeds)) if isinstance(seeds, Integral) else [int(seed) for seed in seeds]
    if not numbers:
        raise ValueError("there is no seed")
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"a seed stands twice in {numbers}: it would give the same run twice")
    return numbers


class Kept:
    """Rows of finished runs in a folder.

    A run's key is a digest of all that it depends on: the recipe, the images, PyTorch's version,
    the name, the seed, and the network: as printed, its initial weights, and what it makes
    of two images, because two networks may be printed alike and compute different things.

    Args:
        folder: made if it is not there.
        split: the images.
        options: of `fit`.
    """

    def __init__(self, folder: Path, split: Split, options: Mapping[str, Any]) -> None:
        self.records, self._split = Records(folder), split
        digest = hashlib.sha256(json.dumps([VERSION, torch.__version__, dict(options)]).encode())
        for part in _arrays(split):
            for array in part:
                digest.update(array.tobytes())
        self._study = digest.hexdigest()

    def key(self, name: str, make: Make, seed: int) -> str:
        """What a run is kept under.

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
        for part, tensor in network.state_dict().items():
            digest.update(part.encode() + tensor.cpu().numpy().tobytes())
        return digest.hexdigest()[:32]

    def row(self, key: str) -> Row | None:
        """The row of a finished run, if there is one; a damaged record counts as none."""
        try:
            return self.records.get(key)
        except StoreError:
            return None
