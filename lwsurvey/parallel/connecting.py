"""Reaching a scheduler whose workers are like this process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from lwsurvey.parallel import alike
from lwsurvey.parallel.errors import ClusterError
from lwsurvey.provenance import processor

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 10.0
"""Seconds in which a scheduler must answer, and then have a worker."""
SHOWN = 3


def connect(address: str) -> Client:
    """A connection to a scheduler whose workers are all like this process; one for each address.

    Raises:
        ClusterError: there is none, it has no worker, or one differs.
    """
    client = _client(address)
    if client.status != "running":  # its scheduler went away; perhaps there is another now
        _client.cache_clear()
        client = _client(address)
    _require_workers(client, address)
    differing = {
        worker: found for worker, facts in client.run(alike.state, on_error="return").items()
        if (found := alike.differences(facts))
    }  # fmt: skip
    if differing:
        raise ClusterError(_complaint(differing))
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


def machines(address: str) -> str:
    """What a cluster computes on, in words: its workers and their processors."""
    found = connect(address).run(processor).values()
    return f"{len(found)} workers: {', '.join(sorted(set(found)))}"


def _require_workers(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ClusterError(f"the scheduler at {address} has no worker; start one with: "
                           f"dask worker {address} --nthreads 1") from None  # fmt: skip


def _complaint(differing: Mapping[str, str]) -> str:
    lines = [f"worker {name} {found}" for name, found in list(differing.items())[:SHOWN]]
    more = f"; and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
    return "; ".join(lines) + more + "; make them equal, and start the workers again"
