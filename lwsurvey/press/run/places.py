"""Which chapters of a run are computed here, and which on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lwsurvey.press.run import accelerator
from lwsurvey.press.run.process import Workers
from lwsurvey.press.run.tasks import Task
from lwsurvey.schema import SCHEDULER

if TYPE_CHECKING:
    from lwsurvey.press.run.remote import Remote


class Places:
    """The processes of this machine, and the cluster if there is one.

    Args:
        scheduler: its address.

    Raises:
        lwsurvey.parallel.ClusterError: the cluster cannot be used.
    """

    def __init__(self, scheduler: str | None) -> None:
        # A chapter that runs here sends its seeds to the cluster.
        self._here = Workers({SCHEDULER: scheduler} if scheduler else None)
        self._gpu = Workers({SCHEDULER: ""})
        self._there: Remote | None = _remote(scheduler) if scheduler else None

    def of(self, task: Task, say: Callable[[str], object]) -> Workers | Remote:
        """Where a chapter runs; ``say`` tells at which worker, if on the cluster.

        Here, if it times something: the times of a result are to be of one machine, with nothing
        else to do. Or if it takes a GPU, with its seeds: those are counted here.
        """
        if accelerator.takes(task.used):
            return self._gpu
        if self._there is None or task.alone:
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
        self._gpu.stop()
        if self._there is not None:
            self._there.stop()


def _remote(scheduler: str) -> Remote:
    from lwsurvey.press.run.remote import Remote

    return Remote(scheduler)
