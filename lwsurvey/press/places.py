"""Which chapters of a run are computed here, and which on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lwsurvey.press import accelerator
from lwsurvey.press.process import Workers
from lwsurvey.press.tasks import Task

if TYPE_CHECKING:
    from lwsurvey.press.remote import Remote

SCHEDULER = "LWSURVEY_SCHEDULER"
"""As `lwsurvey.cluster` reads it, which is slow to load."""


class Places:
    """The processes of this machine, and the cluster if there is one.

    Args:
        scheduler: its address.

    Raises:
        lwsurvey.cluster.ClusterError: the cluster cannot be used.
    """

    def __init__(self, scheduler: str | None) -> None:
        # A chapter that runs here sends its seeds to the cluster.
        self._here = Workers({SCHEDULER: scheduler} if scheduler else None)
        self._there: Remote | None = _remote(scheduler) if scheduler else None

    def of(self, task: Task, say: Callable[[str], object]) -> Workers | Remote:
        """Where a chapter runs; ``say`` tells at which worker, if on the cluster.

        Here, if it times something: the times of a result are to be of one machine, with nothing
        else to do. Or if it takes a GPU: those are counted here.
        """
        if self._there is None or task.alone or accelerator.takes(task.used):
            return self._here
        self._there.say = say
        return self._there

    @property
    def stopped(self) -> bool:
        """Whether the run is over."""
        return self._here.stopped

    def stop(self) -> None:
        """End all chapters, and start none from here on."""
        self._here.stop()
        if self._there is not None:
            self._there.stop()


def _remote(scheduler: str) -> Remote:
    from lwsurvey.press.remote import Remote

    return Remote(scheduler)
