"""Calls that depend on nothing but their arguments, on one machine or on many."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import joblib

from lwsurvey.parallel.alike import differences, state
from lwsurvey.parallel.connecting import connect
from lwsurvey.parallel.errors import ClusterError
from lwsurvey.schema import SCHEDULER


def spread(
    function: Callable[..., Any], arguments: Iterable[tuple], jobs: int | None = None,
    finished: Callable[[int, Any], object] = lambda place, result: None,
) -> Iterator[Any]:  # fmt: skip
    """Call a function with each of the arguments, in parallel if asked.

    Args:
        function: to be called; inside it nothing is spread any further.
        arguments: of each call.
        jobs: processes; what `joblib.parallel_config` says, or 1, if not given. A cluster uses
            all that it has.
        finished: called here with the place and the result of a call, as soon as it is there.

    Returns:
        The results, in the order of the arguments.

    Raises:
        ClusterError: the cluster cannot be used, before anything is computed; or it gave up.
        Exception: of a call.
    """
    asked = list(arguments)
    if not asked:
        return
    with _chosen() as wrap:
        call = joblib.delayed(_Numbered(wrap(function)))
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
        made = parallel(call(place, each) for place, each in enumerate(asked))
    there: dict[int, Any] = {}
    for wanted in range(len(asked)):
        while wanted not in there:
            place, result = _checked(next(made))
            finished(place, result)
            there[place] = result
        yield there.pop(wanted)


class _Numbered:
    """A call that says which one it was, since results come as they are finished.

    Its arguments travel as one tuple. What joblib sees as a large argument of its own it puts
    on one worker for all, and if that worker dies the study cannot go on.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, place: int, arguments: tuple) -> tuple[int, Any]:
        return place, self.function(*arguments)


class _There:
    """A call on a worker: on one thread, and with nothing spread from there."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.state = function, state()

    def __call__(self, *arguments: Any) -> Any:
        import torch

        if found := differences(self.state):  # it came later than the first look
            raise ClusterError(f"a worker that joined later is not like us; what asks {found}")
        # Its number of threads belongs to the whole process, which may have other calls.
        torch.set_num_threads(1)
        with joblib.parallel_config("sequential"):
            return self.function(*arguments)


@contextlib.contextmanager
def _chosen() -> Iterator[Callable]:
    """The backend of the user, or the cluster's; and how a call is to be wrapped for it."""
    address = os.environ.get(SCHEDULER)
    with joblib.parallel_config() as now:
        theirs = isinstance(now["backend"], joblib.ParallelBackendBase)
    if theirs or not address:
        yield lambda function: function
        return
    with joblib.parallel_config(_backend()(client=connect(address))):
        yield _There


@cache
def _backend() -> type:
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):
        """Goes to the cluster also if that has one place only; joblib would compute it here."""

        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, super().effective_n_jobs(n_jobs))

    return Backend


def _checked(made: object) -> tuple[int, Any]:
    # joblib hands the error of a cancelled call over as if it were its result.
    if isinstance(made, BaseException):
        raise ClusterError(f"the cluster gave up ({type(made).__name__}: {made}); "
                           "see whether its scheduler runs") from made  # fmt: skip
    return made
