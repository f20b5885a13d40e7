"""Where the independent runs of a study are computed: here, or on a Dask cluster.

joblib spreads them. Without a scheduler's address it uses processes of this machine. With one,
in the variable LWSURVEY_SCHEDULER, it uses its Dask backend; a ``joblib.parallel_config`` of
the user around the call wins over both. Only what is not timed goes through here: times are
taken on the machine that asks for them.

On equal machines the results are those of one process, bit for bit. A worker that dies is no
loss: Dask gives its runs to another. Whoever reaches a scheduler's port can have code executed
on its workers, as with every Dask cluster: keep it in a network that is yours, or use TLS.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib

from lwsurvey.provenance import PACKAGES, processor
from lwsurvey.schema import SCHEDULER

if TYPE_CHECKING:
    from distributed import Client

ALIKE = (*PACKAGES, "distributed", "joblib", "pandas")
SHORT = 20
"""Characters of what is worth showing; a hash is not."""
PATIENCE = 10.0
"""Seconds in which a scheduler must answer, and then have a worker."""
SHOWN = 3


class ClusterError(ConnectionError):
    """The cluster cannot be used, or gave up; the message says why and what to do."""


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
    with _backend() as wrap:
        call = joblib.delayed(_Numbered(wrap(function)))
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
        made = parallel(call(place, each) for place, each in enumerate(asked))
    there: dict[int, Any] = {}
    for wanted in range(len(asked)):
        while wanted not in there:
            found = next(made)
            # joblib hands the error of a cancelled call over as if it were its result.
            if isinstance(found, BaseException):
                raise ClusterError(f"the cluster gave up ({type(found).__name__}: {found}); "
                                   "see whether its scheduler runs") from found  # fmt: skip
            place, result = found
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


@contextlib.contextmanager
def _backend() -> Iterator[Callable]:
    """The backend of the user, or the cluster's; and how a call is to be wrapped for it."""
    address = os.environ.get(SCHEDULER)
    with joblib.parallel_config() as now:
        theirs = isinstance(now["backend"], joblib.ParallelBackendBase)
    if theirs or not address:
        yield lambda function: function
        return
    with joblib.parallel_config(_dask_backend()(client=connect(address))):
        yield _Remote


@cache
def _dask_backend() -> type:
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):
        """Goes to the cluster also if that has one place only; joblib would compute it here."""

        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, super().effective_n_jobs(n_jobs))

    return Backend


class _Remote:
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


def connect(address: str) -> Client:
    """A connection to a scheduler whose workers are all like this process; one for each address.

    Raises:
        ClusterError: there is none, it has no worker, or one differs.
    """
    client = _client(address)
    if client.status != "running":  # its scheduler went away; perhaps there is another now
        _client.cache_clear()
        client = _client(address)
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ClusterError(f"the scheduler at {address} has no worker; start one with: "
                           f"dask worker {address} --nthreads 1") from None  # fmt: skip
    differing = {
        worker: found for worker, facts in client.run(state, on_error="return").items()
        if (found := differences(facts))
    }  # fmt: skip
    if differing:
        lines = [f"worker {name} {found}" for name, found in list(differing.items())[:SHOWN]]
        more = f"; and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
        advice = "; make them equal, and start the workers again"
        raise ClusterError("; ".join(lines) + more + advice)
    return client


@lru_cache(maxsize=1)
def _client(address: str) -> Client:
    try:
        import dask
        from distributed import Client
    except ImportError:
        raise ClusterError("no Dask here; install it with: pip install distributed") from None
    # Each run travels with its images, so that none of them is on one worker only.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"})
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False, name="lwsurvey")
    except (OSError, ValueError, TypeError) as error:
        first = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
        raise ClusterError(f"no scheduler at {address} ({first}); it is written as in "
                           "tcp://HOST:8786, and dask scheduler starts one") from None  # fmt: skip


def machines() -> str | None:
    """Which other machines this process may send runs to, in words: the workers of the cluster
    and their processors; None without a scheduler's address.

    Raises:
        ClusterError: as `connect`.
    """
    if not (address := os.environ.get(SCHEDULER)):
        return None
    found = connect(address).run(processor).values()
    return f"{len(found)} workers: {', '.join(sorted(set(found)))}"


def state() -> dict[str, str]:
    """What must be alike wherever a study computes: versions, and our own source."""
    found = {name: _version(name) for name in ALIKE}
    return {"Python": platform.python_version(), **found, "the source of lwsurvey": _source()}


def differences(facts: Mapping[str, str] | BaseException) -> str:
    """How another process' `state` differs from ours, in words; empty if it does not."""
    if isinstance(facts, BaseException):
        return f"has no lwsurvey that fits ({type(facts).__name__}: {facts})"
    ours = state()
    other = [name for name in ours if facts.get(name) != ours[name]]
    told = [
        f"{name} {facts.get(name)} (here {ours[name]})" if len(ours[name]) < SHORT else name
        for name in other
    ]
    return f"differs in {', '.join(told)}" if told else ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


@cache
def _source() -> str:
    """Of our files as they were when this process first asked: it may hold them in memory."""
    found, package = hashlib.sha256(), Path(__file__).resolve().parent
    for path in sorted(package.rglob("*.py")):
        found.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes())
    return found.hexdigest()
