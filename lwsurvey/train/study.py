"""The same experiment over several seeds and variants, resumed where it was interrupted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from lwsurvey import parallel
from lwsurvey.data import Images, Split
from lwsurvey.train.device import TrainError, TrainMemoryError
from lwsurvey.train.fitting import Fit, Make, fit
from lwsurvey.train.key import Keys
from lwsurvey.train.recipe import Recipe
from lwsurvey.train.records import Recorded, Task, machine

COLUMNS = ("variant", "seed", "validation", "test", "loss", "seconds")
LOG = 15.0
"""Seconds between two lines of progress where nobody watches."""

Found = dict[str, Any]
Arrays = list[tuple[NDArray[np.float32], NDArray[np.int64]]]
Examine = Callable[[Fit, Split], Mapping[str, float]]
"""What is found in a trained network, by column, besides its accuracy."""
Finished = Callable[[int, Found], object]
"""Called with the place of a training and what was found, as soon as it is there."""


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
    examine: Examine | None = None,
    recorded: Recorded | None = None,
    study: str = "main",
) -> pd.DataFrame:
    """`fit` each variant with each seed, in parallel if asked, and give every result.

    The trainings go through joblib, or to a Dask cluster if there is one (see
    `lwsurvey.parallel`). The result does not depend on where and how many at a time they run. A
    backend chosen by ``joblib.parallel_config`` around the call must give results one by one, as
    joblib's own "loky" and "threading" and Dask's do.

    With ``recorded``, networks that were trained before are not trained again but for a few,
    which are compared; `lwsurvey.train.key` says which rows are of the same training.

    Args:
        variants: what makes each network, by name.
        split: the images, see `fit`.
        seeds: number of seeds, 0, 1, 2 and so on; or the seeds themselves.
        epochs: passes over the training images; see `fit`, also for ``batch``, ``lr``,
            ``weight_decay``, ``device``, ``amp`` and ``channels_last``.
        jobs: processes; what `joblib.parallel_config` says, or 1, if not given. A cluster uses
            all that it has.
        examine: called after each training, where it ran, with the `Fit` and the split on the
            CPU; what it returns becomes further columns of the run's row.
        recorded: rows of earlier trainings, from `lwsurvey.train.recorded` or `kept`.
        study: name under which the rows are recorded.

    Returns:
        Columns ``variant``, ``seed``, ``validation`` and ``test`` (accuracies, per cent),
        ``loss`` (training, last epoch) and ``seconds``, and those of ``examine``, NaN where it
        gave none; variants and seeds in the given order. The frame's ``attrs["runs"]`` says in
        words where and when the networks were trained.

    Raises:
        TrainError: some trainings failed; it names them, and has the others as ``finished``. Or
            a recorded row and its training now disagree.
        TrainMemoryError: the memory of the GPU ran out in one; it too has ``finished``.
        SourceError: what ``examine`` computes cannot be described.
        ValueError: no variant or no seed, or a seed twice.
    """
    numbers = _numbers(seeds)
    if not variants:
        raise ValueError("there is no variant to train")
    recipe = Recipe(epochs, batch, lr, weight_decay=weight_decay)
    options = dict(
        epochs=epochs, batch=batch, lr=lr, weight_decay=weight_decay, device=device, amp=amp,
        channels_last=channels_last,
    )  # fmt: skip

    def trained(names: Sequence[tuple[str, int]], finished: Finished) -> list[Found]:
        calls = [(name, variants[name], seed) for name, seed in names]
        workers = recorded.jobs(jobs) if recorded else jobs
        return _trained(calls, split, options, examine, workers, finished)

    names = [(name, seed) for name in variants for seed in numbers]
    if recorded is None:
        return _frame(trained(names, lambda place, found: None))
    keys = Keys(split, recipe, amp, examine)
    tasks = [Task(name, seed, keys.key(name, variants[name], seed)) for name, seed in names]
    rows, said = recorded.complete(study, tasks, trained)
    frame = _frame([
        {"variant": name, "seed": seed, **row.numbers, "seconds": row.seconds}
        for (name, seed), row in zip(names, rows, strict=True)
    ])  # fmt: skip
    frame.attrs["runs"] = said
    return frame


def _frame(rows: list[Found]) -> pd.DataFrame:
    columns = dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)])
    columns.pop("machine", None)
    return pd.DataFrame(rows, columns=list(columns))


def _trained(
    calls: list[tuple[str, Make, int]], split: Split, options: dict[str, Any],
    examine: Examine | None, jobs: int | None, finished: Finished,
) -> list[Found]:  # fmt: skip
    """What was found in each network, in the order of the calls."""
    rows: list[Found] = []
    failures: list[str] = []
    try:
        for row in _results(calls, split, options, examine, jobs, finished):
            (rows if isinstance(row, dict) else failures).append(row)
    except TrainMemoryError as error:
        error.finished = _frame(rows)
        raise
    except Exception as error:  # such as a lost worker, or a network's own
        raise TrainError(f"the study ended after {len(rows)} of {len(calls)} runs: {error!r}",
                         _frame(rows)) from error  # fmt: skip
    if failures:
        raise TrainError("; ".join(dict.fromkeys(failures)), _frame(rows))
    return rows


def _results(
    calls: list[tuple[str, Make, int]], split: Split, options: dict[str, Any],
    examine: Examine | None, jobs: int | None, finished: Finished,
) -> Iterator[Found | str]:  # fmt: skip
    """What was found, or what went wrong, in the order of the calls."""
    arrays, watched = _arrays(split), sys.stderr.isatty() or "ipykernel" in sys.modules
    # A plain bar, no widget: the book drops from a page what redraws its line.
    with tqdm(total=len(calls), unit="network", leave=False, disable=not calls,
              mininterval=0.5 if watched else LOG) as bar:  # fmt: skip

        def done(place: int, row: Found | str) -> None:
            bar.update()
            if isinstance(row, dict):
                finished(place, row)

        yield from parallel.spread(
            _run, [(*c, arrays, options, examine) for c in calls], jobs, done
        )


def _run(
    name: str, make: Make, seed: int, arrays: Arrays, options: dict[str, Any],
    examine: Examine | None,
) -> Found | str:  # fmt: skip
    """One training; a failure is given as words, so that it does not stop the others.

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
    found = dict(zip(COLUMNS, values, strict=True)) | dict(
        examine(fitted, split) if examine else {}
    )
    return found | {"machine": machine(options["device"])}


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
