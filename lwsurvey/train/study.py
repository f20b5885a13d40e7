"""The same experiment over several seeds and arms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from lwsurvey import parallel
from lwsurvey.data import Images, Split
from lwsurvey.train.errors import TrainError, TrainMemoryError
from lwsurvey.train.fitting import Fit, Make, fit
from lwsurvey.train.keep import Store, put, taken
from lwsurvey.train.progress import Progress
from lwsurvey.train.recipe import Recipe

COLUMNS = ("arm", "seed", "validation", "test", "loss", "seconds")

Row = dict[str, Any]
Arrays = list[tuple[NDArray[np.float32], NDArray[np.int64]]]


def repeat(
    arms: Mapping[str, Make],
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
) -> pd.DataFrame:
    """`fit` each arm with each seed, in parallel if asked, and give every result.

    The runs go through joblib, or to a Dask cluster if there is one (see `lwsurvey.parallel`).
    The result does not depend on where and how many at a time they run. A backend chosen by
    ``joblib.parallel_config`` around the call must give results one by one, as joblib's own
    "loky" and "threading" and Dask's do.

    Args:
        arms: what makes each network, by name.
        split: as `fit`.
        seeds: how many, 0, 1, 2 and so on; or which.
        epochs: as `fit`, and so ``batch``, ``lr``, ``weight_decay``, ``device``, ``amp`` and
            ``channels_last``.
        jobs: processes; what `joblib.parallel_config` says, or 1, if not given. A cluster uses
            all that it has.
        keep: folder in which finished runs are stored, so that an interrupted study goes on
            where it was. A run is taken from there if recipe, images and network are the same
            (see `Store`).

    Returns:
        Columns ``arm``, ``seed``, ``validation`` and ``test`` (accuracies, per cent), ``loss``
        (training, last epoch) and ``seconds``; arms and seeds in the given order.

    Raises:
        TrainError: some runs failed; it names them, and has the others as ``finished``.
        TrainMemoryError: the memory of the GPU ran out in one; it too has ``finished``.
        ValueError: no arm or no seed, or a seed twice.
    """
    numbers = _numbers(seeds)
    if not arms:
        raise ValueError("there is no arm to train")
    options = dict(
        epochs=epochs, batch=batch, lr=lr, weight_decay=weight_decay, device=device, amp=amp,
        channels_last=channels_last,
    )  # fmt: skip
    Recipe(epochs, batch, lr, weight_decay=weight_decay)
    store = Store(Path(keep), split, options) if keep else None
    tasks = [(name, make, seed) for name, make in arms.items() for seed in numbers]
    rows: list[Row] = []
    failures: list[str] = []
    try:
        for row in _results(tasks, split, options, store, jobs):
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
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _results(
    tasks: list[tuple[str, Make, int]], split: Split, options: dict[str, Any],
    store: Store | None, jobs: int | None,
) -> Iterator[Row | str]:  # fmt: skip
    """Rows, or what went wrong, in the order of the tasks."""
    files = [store.file(*task) if store else None for task in tasks]
    kept = [taken(file) if file else None for file in files]
    arrays = _arrays(split)
    todo = [
        (*task, file) for task, file, row in zip(tasks, files, kept, strict=True) if row is None
    ]
    with Progress(len(tasks), len(tasks) - len(todo)) as progress:

        def finished(place: int, row: Row | str) -> None:
            progress.done()
            file = todo[place][-1]
            if file and isinstance(row, dict) and not file.exists():
                put(file, row)  # the worker of a cluster may have another disk

        made = parallel.spread(_run, [(*task, arrays, options) for task in todo], jobs, finished)
        for row in kept:
            yield next(made) if row is None else row


def _run(
    name: str, make: Make, seed: int, file: Path | None, arrays: Arrays, options: dict[str, Any]
) -> Row | str:
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
    row = _row(name, seed, fitted)
    if file and file.parent.is_dir():
        put(file, row)
    return row


def _row(name: str, seed: int, fitted: Fit) -> Row:
    values = (name, seed, fitted.validation, fitted.test, fitted.losses[-1], fitted.seconds)
    return dict(zip(COLUMNS, values, strict=True))


def _arrays(split: Split) -> Arrays:
    """As arrays, which joblib shares among its processes instead of copying them."""
    return [(part.x.cpu().numpy(), part.y.cpu().numpy()) for part in _parts(split)]


def _parts(split: Split) -> tuple[Images, Images, Images]:
    return split.train, split.validation, split.test


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _numbers(seeds: int | Sequence[int]) -> list[int]:
    numbers = list(range(seeds)) if isinstance(seeds, Integral) else [int(seed) for seed in seeds]
    if not numbers:
        raise ValueError("there is no seed")
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"a seed stands twice in {numbers}: it would give the same run twice")
    return numbers
